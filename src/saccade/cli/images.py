"""``saccade images``: have a server remember pictures, find them, look at them, erase them."""

from __future__ import annotations

from typing import Annotated

import typer

from saccade.cli.exits import ExitCode
from saccade.cli.image_add import add
from saccade.cli.image_client import ImageId, ModelName, Owner, image_client, image_path
from saccade.cli.image_files import annotate, download
from saccade.cli.image_query import list_images
from saccade.cli.job_client import DEFAULT_URL, BaseUrl
from saccade.cli.options import AsJson
from saccade.cli.output import stderr, stdout, write_json
from saccade.errors import ImageUnknown

images = typer.Typer(
    help="Have a server remember pictures with what models see in them; find, draw and erase them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
images.command("add")(add)
images.command("list")(list_images)


@images.command("show")
def show_image(
    image_id: ImageId, *, owner: Owner = None, as_json: AsJson = False, base_url: BaseUrl = DEFAULT_URL
) -> None:
    """Show what is known of an image, and what each version of each model saw in it."""
    with image_client(base_url) as client:
        image = client.ask("GET", image_path(image_id, owner=owner))
    if as_json:
        write_json(image, indent=2)
        return
    from saccade.cli.image_tables import image_page, predictions_table

    console = stdout()
    console.print(image_page(image))
    if image["predictions"]:
        console.print(predictions_table(image))


@images.command("objects")
def list_objects(
    image_id: ImageId,
    *,
    model: ModelName = None,
    owner: Owner = None,
    as_json: AsJson = False,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """List what models found in an image, best first, in px of the upright picture."""
    with image_client(base_url) as client:
        found = client.ask("GET", image_path(image_id, "/objects", model=model, owner=owner))
    if as_json:
        write_json(found, indent=2)
        return
    console, objects = stdout(), found["objects"]
    if not isinstance(objects, list) or not objects:
        console.print("No object was found in it.")
        return
    from saccade.cli.image_tables import objects_table

    table = objects_table([one for one in objects if isinstance(one, dict)])
    console.width = max(console.width, console.measure(table).minimum)
    console.print(table)


images.command("annotate")(annotate)
images.command("download")(download)


@images.command("delete")
def delete_images(
    image_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of images.")],
    *,
    owner: Owner = None,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """Erase images wherever their owner has them: records, objects, results of jobs, bytes.

    Ends with 1 if there is no such image; the others are erased all the same.
    """
    named = list(dict.fromkeys(image_ids))
    with image_client(base_url) as client:
        if not is_sure:
            whose = f" of {owner}" if owner else ""
            typer.confirm(f"Erase {_counted(len(named))}{whose} at {base_url} with all results?", abort=True)
        missing = 0
        for image_id in named:
            try:
                client.ask("DELETE", image_path(image_id, owner=owner))
            except ImageUnknown as error:
                missing += 1
                stderr().print(f"{image_id}: {error}", style="red", soft_wrap=True, markup=False)
    stdout().print(f"{_counted(len(named) - missing)} erased", soft_wrap=True)
    raise typer.Exit(ExitCode.FAILED if missing else ExitCode.OK)


def _counted(number: int) -> str:
    return "1 image" if number == 1 else f"{number} images"
