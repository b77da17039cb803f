"""Debian's package lists and packages, fetched into a directory of our own: the machine's own lists
stay as they are, and every machine gets those of the same release."""

import importlib.util
import pathlib
import shutil
import subprocess

# The example data set reads the same lists.
EXAMPLE = pathlib.Path(__file__).parents[2] / "examples/debian-packages/make-data.py"


def example():
    """The module that makes the example data; its name is no Python name."""
    spec = importlib.util.spec_from_file_location("example_data", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Archive:
    def __init__(self, directory):
        self.directory = directory
        self.lists = directory / "lists"
        self.options = [
            f"-oDir::State::lists={self.lists}",
            f"-oDir::Cache={directory}",
            f"-oDir::Etc::sourcelist={directory / 'sources.list'}",
            "-oDir::Etc::sourceparts=/dev/null",
            "-oAcquire::Languages=en",
            "-oAPT::Sandbox::User=root",
        ]

    def update(self):
        """Fetches the lists, unless they are there."""
        finished = self.directory / "lists.finished"
        if finished.exists():
            return
        shutil.rmtree(self.lists, ignore_errors=True)
        (self.lists / "partial").mkdir(parents=True)
        made = example()
        (self.directory / "sources.list").write_text(
            f"deb [signed-by={made.KEYRING}] {made.ARCHIVE} {made.RELEASE} main\n"
        )
        subprocess.run(["apt-get", "update", "-qq", *self.options], check=True)
        finished.touch()

    def unpacked(self, package):
        """The directory with the package's files."""
        target = self.directory / package
        if not target.exists():
            self.update()
            command = ["apt-get", "download", "-qq", *self.options, package]
            subprocess.run(command, check=True, cwd=self.directory)
            (archive,) = self.directory.glob(f"{package}_*.deb")
            scratch = self.directory / f"{package}.new"
            shutil.rmtree(scratch, ignore_errors=True)
            subprocess.run(["dpkg-deb", "-x", archive, scratch], check=True)
            archive.unlink()
            scratch.rename(target)
        return target
