# SPDX-License-Identifier: GPL-3.0-or-later
"""One file a model or image operation; the file's name is the id of the step."""
