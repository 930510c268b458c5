"""PURE. The children of a finished job, made from its steps (``then``).

A child's id is derived from its parent's id and its place in ``then``, so none is created twice,
however often the parent's end is reported.
"""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID, uuid5

from worker.domain import buttons, numerals, retry_policy
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.job import Job, Modal, Status, changed
from worker.domain.job_spec import JSON, TEXT_KINDS, JobSpec, Kind, Retry
from worker.domain.result import AssetsStatus, Button, JobError, Result
from worker.domain.templates import MissingValue, render


def child_id(parent_id: str, key: str) -> str:
    """The id of the parent's child for ``key``: the step's place, and for a glob the button."""
    return uuid5(UUID(parent_id), key).hex


def incomplete(job: Job, result: Result) -> bool:
    """Whether ``result`` lacks what the finished ``job`` or its steps need.

    A callback or the task list may say less than the task itself, which is then fetched.
    """
    if job.kind in TEXT_KINDS:
        lacking = not (result.prompts or result.text)
    else:
        lacking = not (result.image_url or result.image_urls or result.video_urls)
    return lacking or any(_lacks(step, result) for step in job.spec.then)


def _lacks(step: JSON, result: Result) -> bool:
    """Whether ``result`` lacks what ``step`` needs; a single button is looked up at its submit."""
    if "press" in step:
        return buttons.is_glob(step["press"]) and not result.buttons
    if "choose" in step:
        return result.buttons is None
    if "blend" in step:  # needs its siblings' results only
        return False
    if "imagine" not in step:
        return result.image_url is None
    try:
        render(step["imagine"], result)
    except MissingValue:
        return True
    return False


def children(parent: Job, now: float) -> tuple[Job, ...]:
    """The jobs that the finished ``parent`` starts.

    A step that cannot be carried out becomes a child that has failed, with the reason.
    """
    made = tuple(
        child
        for index, step in enumerate(parent.spec.then)
        for child in _children_of_step(with_retry(parent, step), str(index), step, now)
    )
    made = tuple(
        _after_siblings(child, parent, made, now) if child.kind is Kind.BLEND else child
        for child in made
    )
    return tuple(changed(child, awaited_by=awaited_by(child, made)) for child in made)


def awaited_by(job: Job, others: tuple[Job, ...]) -> tuple[str, ...]:
    """The ids of those ``others`` that wait for ``job``."""
    return tuple(other.id for other in others if job.id in other.spec.waits_for)


def chosen(choose: Job, parent: Job, steps: tuple[JSON, ...], now: float) -> tuple[Job, ...]:
    """The children of ``choose``: they press the buttons of ``parent`` that its function named.

    Each has the ``then`` of the choose, unless the function gave it another.
    """
    return tuple(
        changed(child, spec=changed(child.spec, parent_id=choose.id))
        for index, step in enumerate(steps)
        for child in press(
            parent,
            step["press"],
            f"{choose.id}:{index}",
            now,
            modal=step.get("modal"),
            then=tuple(step.get("then", choose.spec.then)),
        )
    )


def press(
    parent: Job,
    wanted: str,
    key: str,
    now: float,
    *,
    modal: JSON | None = None,
    then: tuple[JSON, ...] = (),
) -> tuple[Job, ...]:
    """The children that press ``wanted`` under ``parent``; several only for a glob.

    If the parent's buttons are unknown, the button is looked up when the child is submitted.
    """
    base = _child(
        parent, key, Kind.ACTION, {"job_id": parent.id, "button": wanted}, then=then, now=now
    )
    if modal:
        base = changed(base, modal=Modal(modal.get("prompt"), modal.get("mask")))
    known = parent.result.buttons or ()
    found = buttons.find(known, wanted)
    if not buttons.is_glob(wanted):
        if found:
            return (_resolved(base, parent, found[0]),)
        return (_failed(base, button_not_found(wanted, known), now) if known else base,)
    if found:
        return tuple(
            _resolved(_one_of(base, parent, mark, key), parent, button)
            for mark, button in _with_marks(found)
        )
    names = () if known else buttons.matching_names(wanted)
    if not names:
        return (_failed(base, button_not_found(wanted, known), now),)
    return tuple(_one_of(base, parent, name, key) for name in names)


def button_not_found(wanted: str, known: tuple[Button, ...]) -> JobError:
    """The error of a press without a matching button; its hint lists those of the task."""
    names = ", ".join(dict.fromkeys(buttons.name_of(b) for b in known))
    hint = f"The buttons of this task are: {names}." if names else "This task has no buttons."
    return job_error(ErrorCode.BUTTON_NOT_FOUND, f"There is no button {wanted!r}.", hint)


def default_prompt(parent: Job, custom_id: str) -> str | None:
    """The prompt that the window behind ``custom_id`` would show.

    For a numbered button of a describe, the text of that number; otherwise the parent's prompt.
    """
    name = buttons.name_of(Button(custom_id))
    prompts = parent.result.prompts
    if numerals.is_whole(name) and 0 < int(name) <= len(prompts):
        return prompts[int(name) - 1]
    prompt = parent.result.prompt or parent.request.get("prompt")
    return str(prompt) if prompt else None


def _children_of_step(parent: Job, key: str, step: JSON, now: float) -> tuple[Job, ...]:
    then = tuple(step.get("then", ()))
    if "press" in step:
        return press(parent, step["press"], key, now, modal=step.get("modal"), then=then)
    if "imagine" in step:
        return (_imagine(parent, key, step["imagine"], then, now),)
    if "blend" in step:
        request = {name: step[name] for name in ("blend", "dimensions") if name in step}
        return (_child(parent, key, Kind.BLEND, request, then=then, now=now),)
    if "choose" in step:
        return (_choose(parent, key, step["choose"], then, now),)
    image = parent.result.image_url
    child = _child(parent, key, Kind.DESCRIBE, {"image": image}, then=then, now=now)
    if image is None:
        child = _failed(child, job_error(ErrorCode.NO_PICTURE, "The parent has no picture."), now)
    return (child,)


def with_retry(parent: Job, step: JSON) -> Job:
    """The parent, with the ``retry`` that children of this step inherit."""
    if "retry" not in step:
        return parent
    asked = dict(step["retry"])
    on = asked.pop("on", None)
    retry = Retry(**asked, on=None if on is None else tuple(on))
    return changed(parent, spec=changed(parent.spec, options=replace(parent.options, retry=retry)))


def _imagine(parent: Job, key: str, template: str, then: tuple[JSON, ...], now: float) -> Job:
    child = _child(parent, key, Kind.IMAGINE, {"prompt": template}, then=then, now=now)
    try:
        return child.with_request({"prompt": render(template, parent.result)})
    except MissingValue as missing:
        return _failed(child, job_error(ErrorCode.TEMPLATE_UNRESOLVED, str(missing)), now)


def _choose(parent: Job, key: str, function: str, then: tuple[JSON, ...], now: float) -> Job:
    """Its function gets the parent's files, so it waits until they are stored."""
    request = {"job_id": parent.id, "choose": function}
    child = _child(parent, key, Kind.CHOOSE, request, then=then, now=now)
    pending = parent.result.assets_status is AssetsStatus.PENDING
    due_at = now + retry_policy.look_at_siblings(0.0) if pending else now
    return _waiting(child, (parent.id,), due_at)


def _after_siblings(blend: Job, parent: Job, made: tuple[Job, ...], now: float) -> Job:
    """The blend, waiting for the presses among its siblings that it names."""
    found = [_sibling(parent, name, made) for name in blend.request["blend"]]
    siblings = [sibling for sibling in found if sibling]
    if len(siblings) < len(found):
        name = blend.request["blend"][found.index(None)]
        missing = button_not_found(name, parent.result.buttons or ())
        return _failed(blend, replace(missing, code=ErrorCode.SIBLING_FAILED), now)
    born_failed = any(sibling.status.terminal for sibling in siblings)
    due_at = now if born_failed else now + retry_policy.look_at_siblings(0.0)
    return _waiting(blend, tuple(sibling.id for sibling in siblings), due_at)


def _waiting(child: Job, waits_for: tuple[str, ...], due_at: float) -> Job:
    return changed(child, spec=changed(child.spec, waits_for=waits_for), due_at=due_at)


def _sibling(parent: Job, name: str, made: tuple[Job, ...]) -> Job | None:
    """The child that presses the button called ``name``, itself or as part of a glob."""
    known = buttons.find(parent.result.buttons or (), name)
    for child in (each for each in made if each.kind is Kind.ACTION):
        same = known and child.request.get("custom_id") == known[0].custom_id
        if same or buttons.pressed_by(str(child.request["button"]), name):
            return child
    return None


def _child(
    parent: Job, key: str, kind: Kind, request: JSON, *, then: tuple[JSON, ...], now: float
) -> Job:
    spec = JobSpec(
        kind,
        request,
        then,
        parent.options,
        created_at=now,
        pipeline_id=parent.spec.pipeline_id,
        parent_id=parent.id,
        batch_id=parent.spec.batch_id,
        traceparent=parent.spec.traceparent,
    )
    # A task id is only valid on its own account.
    return Job(child_id(parent.id, key), spec, account=parent.account)


def _resolved(child: Job, parent: Job, button: Button) -> Job:
    name = buttons.name_of(button)
    request = {**child.request, "button": name, "custom_id": button.custom_id}
    modal_prompt = default_prompt(parent, button.custom_id)
    return changed(child.with_request(request), modal_prompt=modal_prompt)


def _with_marks(found: tuple[Button, ...]) -> Iterator[tuple[str, Button]]:
    """Each button by its name, or by its customId if several share the name."""
    names = [buttons.name_of(button) for button in found]
    for name, button in zip(names, found, strict=True):
        yield name if names.count(name) == 1 else button.custom_id, button


def _one_of(base: Job, parent: Job, mark: str, key: str) -> Job:
    """One child of a glob; the mark keeps the ids of its children apart."""
    request = {**base.request, "button": mark}
    return changed(base.with_request(request), id=child_id(parent.id, f"{key}:{mark}"))


def _failed(job: Job, error: JobError, now: float) -> Job:
    return changed(job, status=Status.FAILED, error=error, finished_at=now)
