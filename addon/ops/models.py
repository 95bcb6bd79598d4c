# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""Fetch, check and delete the weights of a backend."""

import bpy
from bpy.props import BoolProperty, StringProperty

from ...backend.protocol.catalog import catalog
from ...backend.protocol.errors import UserError
from .. import environment, models, props, terms, wanted
from ..bridge import bridge
from ..settings import left_out, recipe_items, renew
from ..ui import draw
from .base import ONLINE, Conditional, Trying


class _Weights(Conditional):
    bl_options = {"REGISTER"}
    backend: StringProperty(name="Backend", options={"SKIP_SAVE"})

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        return "Weights are being worked on" if models.work.running else ""

    def chosen(self, context: bpy.types.Context) -> str:
        return self.backend or props.settings(context).backend


class GALATEA_OT_choose_backend(bpy.types.Operator):
    """Use this model"""

    bl_idname = "galatea.choose_backend"
    bl_label = "Choose the Backend"
    bl_options = {"UNDO", "INTERNAL"}
    backend: StringProperty(name="Backend", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        spec = catalog().get(properties.backend)
        if spec is None:
            return "Use this model"
        unfit = terms.verdict(props.settings(context), spec.id)
        return f"{spec.help.rstrip('.')}. Licence: {spec.license}{f'. It {unfit.clause}' if unfit else ''}"

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.backend not in (spec.id for spec in props.backends()):
            self.report({"ERROR"}, f"There is no backend {self.backend!r}")
            return {"CANCELLED"}
        props.settings(context).backend = self.backend
        return {"FINISHED"}


class GALATEA_OT_models_pull(_Weights, bpy.types.Operator):
    """Download the weights of this backend into the data folder, in the background. Continues where it stopped"""

    bl_idname = "galatea.models_pull"
    bl_label = "Download Weights"
    accept: BoolProperty(name="I have read the licence and accept it", options={"SKIP_SAVE"})

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        if environment.state() not in ("ready", "own"):
            return super().against(context) or "Install the full environment first"
        return super().against(context) or ("" if bpy.app.online_access else ONLINE)

    def chosen(self, context: bpy.types.Context) -> str:
        """What is named, else what the recipe lacks first."""
        settings = props.settings(context)
        return self.backend or wanted.unfetched(settings, wanted.recipe(settings)) or settings.backend

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        spec = catalog().get(self.chosen(context))
        if spec and not spec.free and not bpy.app.background:
            return context.window_manager.invoke_props_dialog(self, width=420)
        return self.execute(context)

    def draw(self, context: bpy.types.Context) -> None:
        spec = catalog()[self.chosen(context)]
        layout = self.layout
        for weights in spec.weights:
            row = layout.row()
            row.label(text=f"{weights.repository}: {weights.license}")
            row.operator("wm.url_open", text="Read", icon="URL").url = weights.page
        if spec.territory != "worldwide":
            draw.text(layout, f"Where it may be used: {spec.territory}", context=context, icon="WORLD")
        layout.prop(self, "accept")

    def execute(self, context: bpy.types.Context) -> set[str]:
        spec = catalog().get(self.chosen(context))
        if spec is None or not spec.weights:
            self.report({"ERROR"}, "This backend has no weights to download")
            return {"CANCELLED"}
        if not spec.free and not self.accept:
            named = ", ".join(dict.fromkeys(weights.license for weights in spec.weights))
            self.report({"ERROR"}, f"The licence has terms ({named}, {spec.territory}): read and accept it first")
            return {"CANCELLED"}
        models.start("pull", spec.id)
        return {"FINISHED"}


class GALATEA_OT_accept_terms(Trying, bpy.types.Operator):
    """Say that you have read the terms of this backend and that they suit you. It is kept with the policy"""

    bl_idname = "galatea.accept_terms"
    bl_label = "Accept the Terms"
    bl_options = {"REGISTER"}
    backend: StringProperty(name="Backend", options={"SKIP_SAVE"})
    accept: BoolProperty(name="I have read the terms, and they suit me", options={"SKIP_SAVE"})

    def chosen(self, context: bpy.types.Context) -> str:
        settings = props.settings(context)
        return self.backend or terms.asking(settings, wanted.recipe(settings))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.backend = self.chosen(context)
        if not self.backend:
            self.report({"INFO"}, "Nothing that is chosen waits for a yes to its terms")
            return {"CANCELLED"}
        return context.window_manager.invoke_props_dialog(self, width=420)

    def draw(self, context: bpy.types.Context) -> None:
        spec = catalog().get(self.backend)
        if spec:
            clause = terms.verdict(props.settings(context), spec.id).clause
            draw.text(self.layout, f"{spec.label} {clause}.", context=context, icon="INFO")
            for weights in spec.weights:
                self.layout.operator("wm.url_open", text=weights.repository, icon="URL").url = weights.page
        self.layout.prop(self, "accept")

    def done(self, context: bpy.types.Context) -> None:
        backend = self.chosen(context)
        if not self.accept or backend not in catalog():
            raise UserError("Read the terms, and say that they suit you.")
        terms.accept(backend)


class GALATEA_OT_models_stop(Conditional, bpy.types.Operator):
    """Stop the download. What was downloaded is kept"""

    bl_idname = "galatea.models_stop"
    bl_label = "Stop the Download"
    bl_options = {"REGISTER"}

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        return "" if models.work.running else "Nothing is being downloaded"

    def execute(self, context: bpy.types.Context) -> set[str]:
        models.stop()
        return {"FINISHED"}


class _Fetched(_Weights):
    verb = ""

    def execute(self, context: bpy.types.Context) -> set[str]:
        backend = self.chosen(context)
        if not models.here(backend):
            self.report({"ERROR"}, f"There are no weights of {wanted.short(backend) or 'this model'} here")
            return {"CANCELLED"}
        models.start(self.verb, backend)
        return {"FINISHED"}


class GALATEA_OT_models_verify(_Fetched, bpy.types.Operator):
    """Read all weights of this backend and compare them with their hashes"""

    bl_idname = "galatea.models_verify"
    bl_label = "Verify Weights"
    verb = "verify"


class GALATEA_OT_models_remove(_Fetched, bpy.types.Operator):
    """Delete the weights of this backend from the disk. They can be downloaded again"""

    bl_idname = "galatea.models_remove"
    bl_label = "Delete Weights"
    verb = "remove"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)


class GALATEA_OT_backends_renew(Conditional, bpy.types.Operator):
    """Show recipes and trusted backends of your own that came into the data folder since Blender started"""

    bl_idname = "galatea.backends_renew"
    bl_label = "Look for New Backends and Recipes"
    bl_options = set[str]()

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        return "" if bridge.idle else "Wait until nothing runs"

    def execute(self, context: bpy.types.Context) -> set[str]:
        before = _known()
        renew()
        bridge.sync()
        bridge.renew()  # the processes know the old list
        new = [label for name, label in _known().items() if name not in before]
        self.report({"INFO"}, f"New: {', '.join(new)}" if new else "There is nothing new")
        bridge.notice, why = None, " ".join(left_out())
        if why:  # in the panel too: the status bar cuts off what is long
            self.report({"WARNING"}, bridge.complain(UserError(why)))
        return {"FINISHED"}


def _known() -> dict[str, str]:
    """What the lists of backends and recipes show."""
    return {spec.id: spec.label for spec in props.backends()} | {item[0]: item[1] for item in recipe_items()}


CLASSES = (
    GALATEA_OT_accept_terms,
    GALATEA_OT_choose_backend,
    GALATEA_OT_backends_renew,
    GALATEA_OT_models_pull,
    GALATEA_OT_models_stop,
    GALATEA_OT_models_verify,
    GALATEA_OT_models_remove,
)
