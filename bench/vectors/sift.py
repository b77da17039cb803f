"""SIFT descriptors of photographs."""

import re

import cv2
import numpy as np

# Packages with many photographs among their pictures.
PACKAGES = (
    "mate-backgrounds",
    "ukui-wallpapers",
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
    "plasma-workspace-wallpapers",
)
PICTURE = re.compile(r"\.(jpe?g|png|webp)$", re.IGNORECASE)
PREVIEW = "screenshot"  # of a picture that is there in full as well
LONGER_SIDE = 4000  # pixels; SIFT doubles them first, and takes 100 bytes of memory for each
CONTRAST = 0.02  # half of OpenCV's own threshold: over 900,000 descriptors instead of 600,000


def pictures(directory):
    """The picture files below a directory; of one in several sizes the largest."""
    largest = {}
    for path in sorted(directory.rglob("*")):
        if not PICTURE.search(path.name) or path.is_symlink() or not path.is_file():
            continue
        if path.stem == PREVIEW:
            continue
        # "Next/contents/images/1920x1080.jpg", "Elephants_3840x2160.jpg"
        title = path.with_name(re.sub(r"_?\d+x\d+$", "", path.stem) or "picture")
        shown = largest.get(title)
        if shown is None or path.stat().st_size > shown.stat().st_size:
            largest[title] = path
    return [largest[title] for title in sorted(largest)]


def descriptors_of(path):
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        return np.empty((0, 128), dtype=np.uint8)
    scale = LONGER_SIDE / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, descriptors = cv2.SIFT_create(contrastThreshold=CONTRAST).detectAndCompute(grey, None)
    if descriptors is None:
        return np.empty((0, 128), dtype=np.uint8)
    return descriptors.astype(np.uint8)


def package_descriptors(archive, package, say):
    """One array for each of a package's pictures, kept in a file from run to run."""
    kept = archive.directory / f"{package}-{LONGER_SIDE}-{CONTRAST}.npz"
    if not kept.exists():
        found = []
        for path in pictures(archive.unpacked(package)):
            found.append(descriptors_of(path))
            say(f"{package}: {path.name}, {sum(map(len, found)):,} descriptors")
        scratch = kept.with_name("new-" + kept.name)
        np.savez(scratch, *found)
        scratch.rename(kept)
    with np.load(kept) as arrays:
        return [arrays[name] for name in arrays.files]


def all_descriptors(archive, say):
    return [part for package in PACKAGES for part in package_descriptors(archive, package, say)]


def share(counts, wanted):
    """The most that any picture gives, so that all give `wanted` together: one detailed picture
    would otherwise be half of a small set."""
    rest = wanted
    for place, count in enumerate(sorted(counts)):
        pictures_left = len(counts) - place
        if count * pictures_left >= rest:
            return -(-rest // pictures_left)
        rest -= count
    return max(counts)


def make(archive, rows, queries, say):
    """(base, queries): shuffled, so that both are from all pictures."""
    random = np.random.default_rng(1)
    found = [np.unique(part, axis=0) for part in all_descriptors(archive, say)]
    found = [part[random.permutation(len(part))] for part in found if len(part)]
    # Some of two pictures are the same, and go below.
    most = share([len(part) for part in found], (rows + queries) * 101 // 100)
    found = np.unique(np.vstack([part[:most] for part in found]), axis=0)
    found = found[random.permutation(len(found))]
    return found[queries : queries + rows], found[:queries]
