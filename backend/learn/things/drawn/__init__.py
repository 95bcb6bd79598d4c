# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects drawn by number: animals, vessels, lamps, furniture, machines. Each number always gives the same object."""
