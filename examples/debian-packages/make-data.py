#!/usr/bin/env python3
"""Makes packages.copy.gz and queries.copy.gz: Debian packages and text vectors of what they do.

What comes out depends on nothing but the package lists of the Debian release named below: apt
fetches them into a directory of our own (the system's lists stay as they are), every choice is by
rule, and the decomposition starts from a fixed vector.

Needs apt-get (Debian or a derivative), numpy and scipy; README.md has the commands.
"""

import argparse
import collections
import gzip
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

RELEASE = "bookworm"
ARCHIVE = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

PACKAGES = 10_000
QUERIES = 200
DIMENSIONS = 256
DIGITS = 3  # after the decimal point: an error below 0.0005 where a value is about 0.06

# Sections whose packages few people install by name, and those of libraries for one language:
# the first are left out, the second come after everything else.
LEFT_OUT = {
    "debug", "doc", "golang", "haskell", "introspection", "libdevel", "localization",
    "metapackages", "ocaml", "oldlibs", "rust", "tasks", "debian-installer",
}  # fmt: skip
LIBRARIES = {
    "cli-mono", "gnu-r", "gnustep", "java", "javascript", "libs", "lisp", "perl", "php", "python",
    "ruby", "zope",
}  # fmt: skip
PARTS = re.compile(
    r"-(dev|dbg|dbgsym|doc|docs|common|data|l10n|locales?|examples?|tests?|headers|source|all"
    r"|bin|core|full|extras?|utils?|tools|plugins?|themes?|i18n|dkms|server|client)$"
    r"|-(l10n|locale|i18n|lang)-"
)
EXTRAS = re.compile(
    r"^(lib|python3-|ruby-|node-|r-|php-|elpa-|raku-|hunspell-|myspell-|aspell-|hyphen-|mythes-|xfonts-"
    r"|fonts-|mediawiki-|task-|scim-|gimp-|lomiri-)|-(plugin|module|extension|backend)s?-"
)
# Where the source is called otherwise than what people install, the rule below would find another
# binary package of the same source or rank it low.
ALWAYS = """
    ansible apache2 apt audacity bash blender borgbackup build-essential caddy calibre chromium
    clang cmake cups curl darktable default-jdk docker.io dovecot-imapd emacs evolution ffmpeg
    firefox-esr gcc gdb gimp git gnome gnupg golang-go gparted graphviz haproxy htop
    imagemagick inkscape jq keepassxc kodi krita libreoffice lighttpd lyx make mariadb-server
    memcached mercurial mpv mutt nano neovim nginx nmap nodejs octave openjdk-17-jdk openssh-client
    openssh-server openvpn pandoc perl php postfix postgresql prometheus python3 qemu-system-x86
    r-base redis rsync ruby rustc samba scribus sed squid sqlite3 strace subversion tar
    texlive thunderbird tmux tor transmission ufw varnish vim vlc wget wireguard wireshark xfce4
    zsh
""".split()

# Words that say nothing about what a package does: English ones, and those of Debian itself.
STOPWORDS = set(
    """
    a about above after again all allow allows also although an and another any are as at based be
    because been before being below best between both but by can common commonly contains
    could currently designed do does done down during e each easily easy either etc even every
    example few following for from further g get give given gives good has have having here how
    however i if in including includes include into is it its just large like many may me
    might more most much must need needed needs new no not now of off on one only onto or other others
    our out over own package packages part possible provided provides providing provide rather
    same several should similar simple since so some such support supports supported supporting
    than that the their them then there these they this those through to too two under until up
    upon use used useful user users uses using useable usable various very via want was way we
    well were what when where whether which while who whose why will with within without would
    you your debian project software program dummy transitional metapackage
    """.split()
)
WORD = re.compile(r"[a-z0-9][a-z0-9+#.]*[a-z0-9+#]|[a-z]")


def fetch_lists(directory):
    """Has apt fetch the release's package list and long descriptions into `directory`."""
    lists = directory / "lists"
    (lists / "partial").mkdir(parents=True)
    sources = directory / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {ARCHIVE} {RELEASE} main\n")
    options = {
        "Dir::State::lists": lists,
        "Dir::Cache": directory,
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Acquire::Languages": "en",
        "APT::Sandbox::User": "root",  # or apt, run by root, warns that its own user cannot come in
    }
    command = ["apt-get", "update", "--quiet=2"]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    subprocess.run(command, check=True)
    return lists


def read_list(lists, suffix):
    """The text of the one list whose file name contains `suffix`, however apt compressed it."""
    (found,) = [path for path in lists.iterdir() if suffix in path.name]
    return subprocess.run(
        ["/usr/lib/apt/apt-helper", "cat-file", found], check=True, stdout=subprocess.PIPE
    ).stdout.decode()


def paragraphs(text):
    """The paragraphs of a Debian control file, each as a dictionary."""
    for block in text.split("\n\n"):
        fields = {}
        name = None
        for line in block.split("\n"):
            if line.startswith((" ", "\t")) and name:
                fields[name] += "\n" + line[1:]
            elif ":" in line:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        if fields:
            yield fields


def read_packages(lists):
    """All packages by name, with `long`, the long description, among their fields."""
    long_texts = {}
    for fields in paragraphs(read_list(lists, "Translation-en")):
        summary, _, rest = fields["Description-en"].partition("\n")
        long_texts[fields["Description-md5"]] = rest
    packages = {}
    for fields in paragraphs(read_list(lists, "_Packages")):
        fields["long"] = long_texts.get(fields.get("Description-md5"), "")
        # "Source: postgresql-15 (15.8-1)" where the source is not called like the package
        fields["Source"] = fields.get("Source", fields["Package"]).split(" ")[0]
        packages[fields["Package"]] = fields
    return packages


def wanted_by_others(packages):
    """How many other sources' packages depend on, recommend or suggest each package."""
    wanted = collections.defaultdict(set)
    for fields in packages.values():
        for relation in ("Depends", "Recommends", "Suggests"):
            for name in re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)", fields.get(relation, "")):
                target = packages.get(name)
                if target and target["Source"] != fields["Source"]:
                    wanted[name].add(fields["Source"])
    return {name: len(sources) for name, sources in wanted.items()}


def score(fields, wanted):
    """How likely it is that a person knows or looks for this package; None leaves it out."""
    name, section = fields["Package"], fields.get("Section", "").split("/")[-1]
    if name in ALWAYS:
        return math.inf
    if section in LEFT_OUT or len(fields["long"]) < 60 or "ummy package" in fields["Description"]:
        return None
    if "transitional" in fields["Description"].lower():
        return None
    tags = fields.get("Tag", "")
    points = math.log2(1 + wanted.get(name, 0))
    points += 3 if "role::program" in tags else 0
    points += 1.5 if re.search(r"interface::(graphical|daemon|commandline|text-mode)", tags) else 0
    points += 1 if "scope::application" in tags or "scope::suite" in tags else 0
    points += 2 if name == fields["Source"] else 0
    points += 3 if fields.get("Priority") in ("required", "important", "standard") else 0
    points -= 4 if section in LIBRARIES else 0
    points -= 1 if section == "fonts" else 0
    points -= 3 if PARTS.search(name) else 0
    points -= 2 if EXTRAS.search(name) else 0
    return points


def is_version_of_another(name, packages):
    """True of gcc-12 beside gcc and of python3.11 beside python3."""
    shorter = {re.sub(r"-?\d+(\.\d+)*$", "", name), re.sub(r"\.\d+$", "", name)} - {name}
    return any(candidate in packages for candidate in shorter)


def choose(packages):
    """The best-known package of each source, best first; of those as many as are wanted."""
    wanted = wanted_by_others(packages)
    best = {}
    always = []
    for name in sorted(packages):
        fields = packages[name]
        points = score(fields, wanted)
        if points is None or (points != math.inf and is_version_of_another(name, packages)):
            continue
        if name in ALWAYS:
            always.append(name)
            best[fields["Source"]] = (math.inf, wanted.get(name, 0), name)
            continue
        rank = (points, wanted.get(name, 0), name)
        # of equals the shorter name: "foo" rather than "foo-gtk"
        shown = best.get(fields["Source"])
        if shown is None or (rank[0], -len(name)) > (shown[0], -len(shown[2])):
            best[fields["Source"]] = rank
    missing = sorted(set(ALWAYS) - set(always))
    if missing:
        print("not in this release:", " ".join(missing), file=sys.stderr)
    others = sorted((rank for rank in best.values() if rank[0] != math.inf), reverse=True)
    # Two texts that are word for word the same say nothing about search, so the first stays.
    chosen, seen = [], set()
    for name in always + [rank[2] for rank in others]:
        text = " ".join(packages[name]["long"].split())
        if text not in seen:
            seen.add(text)
            chosen.append(name)
    return chosen[: PACKAGES + QUERIES]


def stem(word):
    """The plural and the singular of an English noun, and no more, become one word."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def count_words(text, weight, counts):
    for word in WORD.findall(text.lower()):
        if word not in STOPWORDS and not word.isdigit():
            counts[stem(word)] += weight


def words_of(fields, siblings):
    """How much each word weighs in what is said of a package: a column's name each."""
    counts = collections.Counter()
    count_words(fields["Description"], 3, counts)
    count_words(fields["long"], 1, counts)
    # What Debian's own reviewers said of it: "use::proxying", "protocol::http".
    for tag in re.findall(r"[a-z0-9-]+::[a-z0-9:+-]+", fields.get("Tag", "")):
        if not tag.startswith(("role::", "implemented-in::", "suite::debian", "special::")):
            counts[tag] += 1
    # What it stands in for, and on which shelf it stands: "mail-transport-agent", "httpd".
    for offered in re.findall(r"(?:^|, )([a-z][a-z-]+)(?=,|$)", fields.get("Provides", "")):
        counts["provides::" + offered] += 16
    counts["section::" + fields.get("Section", "")] += 2
    # Often the packages beside it say more: nginx-core's text does, nginx's own is short.
    beside = collections.Counter()
    for sibling in siblings:
        if sibling is not fields and not EXTRAS.search(sibling["Package"]):
            if sibling.get("Section") not in LEFT_OUT:
                count_words(sibling["long"], 1, beside)
    for word in beside:
        counts.setdefault(word, 0.5)
    return counts


def text_vectors(known, unseen):
    """TF-IDF and a truncated singular value decomposition, which learns from `known` only."""
    documents = collections.Counter(word for counts in known for word in counts)
    vocabulary = {
        word: column
        for column, word in enumerate(
            sorted(w for w, n in documents.items() if 3 <= n <= 0.2 * len(known))
        )
    }
    rarity = np.zeros(len(vocabulary))
    for word, column in vocabulary.items():
        rarity[column] = math.log(len(known) / documents[word])

    def matrix(rows):
        data, indices, starts = [], [], [0]
        for counts in rows:
            for word in sorted(counts):
                column = vocabulary.get(word)
                if column is not None:
                    indices.append(column)
                    data.append(math.log1p(counts[word]) * rarity[column])
            starts.append(len(indices))
        shape = (len(rows), len(vocabulary))
        return normalised_rows(scipy.sparse.csr_matrix((data, indices, starts), shape=shape))

    def normalised_rows(sparse):
        lengths = np.sqrt(sparse.multiply(sparse).sum(axis=1)).A1
        return scipy.sparse.diags(1 / np.maximum(lengths, 1e-12)) @ sparse

    learned = matrix(known)
    start = np.ones(min(learned.shape))
    _, _, directions = scipy.sparse.linalg.svds(learned, k=DIMENSIONS, v0=start, solver="arpack")
    # The sign of a singular vector is arbitrary; fix it, and put the strongest first.
    directions = directions[::-1]
    strongest = np.abs(directions).argmax(axis=1)
    directions *= np.sign(directions[np.arange(DIMENSIONS), strongest])[:, None]

    def project(sparse):
        vectors = sparse @ directions.T
        lengths = np.linalg.norm(vectors, axis=1)
        assert lengths.min() > 0, "a package of which no word is known"
        return vectors / lengths[:, None]

    return project(learned), project(matrix(unseen))


def short_number(value):
    """A number without what an input function can do without: .0312 for 0.0312."""
    text = f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
    return {"-0": "0", "": "0"}.get(text, text.replace("0.", ".", 1))


def write_copy(path, packages, names, vectors):
    """One line for PostgreSQL's COPY per package: id, name, summary, embedding."""
    lines = []
    for number, (name, vector) in enumerate(zip(names, vectors), 1):
        summary = packages[name]["Description"].replace("\\", "\\\\").replace("\t", " ")
        numbers = ",".join(short_number(value) for value in vector)
        lines.append(f"{number}\t{name}\t{summary}\t{{{numbers}}}\n")
    # no time of day and no file name inside, so that equal data make equal files
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        out.write("".join(lines).encode())
    print(f"{path}: {len(lines)} packages, {os.path.getsize(path) / 1e6:.2f} MB")


def show_neighbours(names, vectors, shown):
    place = {name: row for row, name in enumerate(names)}
    for name in shown:
        distances = ((vectors - vectors[place[name]]) ** 2).sum(axis=1)
        nearest = [row for row in distances.argsort()[:7] if names[row] != name][:5]
        print(f"{name}: " + ", ".join(f"{names[row]} {distances[row]:.2f}" for row in nearest))


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lists", type=pathlib.Path, help="take apt's lists from this directory")
    parser.add_argument("--output", type=pathlib.Path, default=here)
    parser.add_argument("--show", nargs="*", default=["nginx", "postgresql", "gimp", "vlc", "git"])
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        lists = arguments.lists or fetch_lists(pathlib.Path(scratch))
        packages = read_packages(lists)
    chosen = choose(packages)
    assert len(chosen) == PACKAGES + QUERIES, f"only {len(chosen)} packages to choose from"

    # Every so many-th package becomes a query and stays out of the table; the well-known ones
    # stay in.
    step = PACKAGES // QUERIES
    rows = range(step, len(chosen), step + 1)
    held_out = [chosen[row] for row in rows if chosen[row] not in ALWAYS]
    held_out += [name for name in chosen[::-1] if name not in held_out][: QUERIES - len(held_out)]
    held_out = held_out[:QUERIES]
    kept = sorted(set(chosen) - set(held_out))

    siblings = collections.defaultdict(list)
    for fields in packages.values():
        siblings[fields["Source"]].append(fields)

    def words(names):
        return [words_of(packages[name], siblings[packages[name]["Source"]]) for name in names]

    vectors, query_vectors = text_vectors(words(kept), words(held_out))
    write_copy(arguments.output / "packages.copy.gz", packages, kept, vectors)
    write_copy(arguments.output / "queries.copy.gz", packages, held_out, query_vectors)
    show_neighbours(kept, vectors, arguments.show)


if __name__ == "__main__":
    main()
