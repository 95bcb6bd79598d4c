# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a model is at image-to-3D: hold-out pictures, rival predictors, the field's scores, and tables."""
