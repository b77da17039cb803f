"""The private server, which some measurements want with other settings."""

import subprocess


class Server:
    def __init__(self, script, directory, settings):
        self.script = script
        self.directory = directory
        self.settings = settings.split()

    def restart(self, *settings):
        """With these settings beside, or instead of, those that all measurements have."""
        given = {setting.partition("=")[0] for setting in settings}
        kept = [one for one in self.settings if one.partition("=")[0] not in given]
        self.run("stop")
        self.run("start", *kept, *settings)

    def run(self, command, *arguments):
        subprocess.run(
            [self.script, command, self.directory, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
        )
