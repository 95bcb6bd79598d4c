# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to a scene without a model: tokens, phrases, clauses, then what each verb means for the cast."""
