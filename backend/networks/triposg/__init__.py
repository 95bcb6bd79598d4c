# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG and TripoSG-scribble (Li et al. 2025; MIT weights): a picture -> latents by rectified flow -> a field.

Written from the paper, the published configuration files, the names and shapes of the checkpoint and the numbers of
the reference (tests/networks/fixtures/triposg). The authors' transformer file, which names another licence in its
header, was not read. What scribble has beyond TripoSG, a second cross-attention beside the first, both reading the same
tokens, has no reference numbers here: its names and the sum are as other people's ports have them.
"""
