"""Answers kept for later runs: real files, the real ResultStore, real processes."""

import hashlib
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from batchata.errors import InputError
from batchata.io import cache as module
from batchata.io.cache import ResultCache

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on

NAMESPACE = "0a1b2c3d"
BY_DEFAULT = True


def key(number):
    return hashlib.sha256(str(number).encode()).hexdigest()


def line(number):
    return b'{"custom_id":"r-%d","result":{"text":"\xc3\xa9 \\"quoted\\""}}\n' % number


def answers(*numbers):
    return {key(number): line(number) for number in numbers}


def keys(*numbers):
    return [key(number) for number in numbers]


def opened(place, run_id="run1"):
    return ResultCache(place, NAMESPACE, run_id=run_id)


def stored(place, run_id, *jobs, close=True):
    """A run that stores each of the jobs, a list of numbers each, and may be killed before it closes."""
    cache = opened(place, run_id)
    for job, numbers in enumerate(jobs, 1):
        cache.store(job, answers(*numbers))
    if close:
        cache.close()
    return cache


def files(place, run_id="run1"):
    return sorted(path.name for path in (place / NAMESPACE / run_id).iterdir())


def run_python(code, *arguments, **environment):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout


class ClientError(Exception):
    """Shaped like botocore's."""

    def __init__(self, code):
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


@pytest.fixture(scope="module", autouse=True)
def _prefect_at_home(tmp_path_factory):
    """Prefect takes its home from the environment when it is imported first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        import prefect.filesystems  # noqa: F401


@pytest.fixture
def place(tmp_path):
    return tmp_path / "answers"


@pytest.fixture
def memory():
    from prefect.filesystems import RemoteFileSystem

    block = RemoteFileSystem(basepath="memory://answers")
    yield block
    block.filesystem.rm("/", recursive=True)


@pytest.fixture
def quiet(caplog):
    """Nothing may be warned about."""
    caplog.set_level(logging.WARNING, "batchata")
    yield caplog
    assert [record.getMessage() for record in caplog.records if record.name == "batchata"] == []


@pytest.fixture
def warned(caplog):
    """How many warnings there were so far."""
    caplog.set_level(logging.WARNING, "batchata")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "batchata"]


@pytest.fixture(scope="module")
def bucket_type():
    """A block of a user's own. It fails as S3 does."""
    from prefect.filesystems import WritableFileSystem

    class Bucket(WritableFileSystem):
        kept: dict[str, bytes] = {}
        broken: set[str] = set()

        def read_path(self, path, *, _sync):
            self.fail_if("read")
            if path not in self.kept:
                raise ClientError("NoSuchKey")
            return self.kept[path]

        def write_path(self, path, content, *, _sync):
            self.fail_if("write")
            self.kept[path] = content

        def fail_if(self, what):
            if what in self.broken:
                raise ClientError("AccessDenied")

    return Bucket


@pytest.fixture
def bucket(bucket_type):
    return bucket_type()


class TestFolder:
    def test_a_later_run_finds_what_an_earlier_one_stored(self, place, quiet):
        stored(place, "run1", [1, 2], [3])
        assert opened(place, "run2").lookup(keys(3, 1, 9, 2)) == answers(3, 1, 2)

    def test_the_order_is_that_of_the_keys(self, place, quiet):
        stored(place, "run1", [1, 2], [3, 4])
        assert list(opened(place, "run2").lookup(keys(4, 2, 3, 1, 4))) == keys(4, 2, 3, 1)

    def test_a_run_finds_its_own(self, place, quiet):
        assert stored(place, "run1", [1, 2]).lookup(keys(2)) == answers(2)

    def test_another_namespace_has_none_of_it(self, place, quiet):
        stored(place, "run1", [1])
        assert ResultCache(place, "ffff", run_id="run2").lookup(keys(1)) == {}

    def test_killed_before_its_index(self, place, quiet):
        stored(place, "run1", [1], [2], close=False)
        assert "index" not in files(place)
        assert opened(place, "run2").lookup(keys(1, 2)) == answers(1, 2)

    def test_killed_between_two_indexes(self, place, quiet):
        stored(place, "run1", *([number] for number in range(11)), close=False)
        assert "index" in files(place)
        assert opened(place, "run2").lookup(keys(*range(11))) == answers(*range(11))

    def test_an_index_is_written_each_time_the_objects_have_doubled(self, place, quiet):
        cache = opened(place)
        index, written, seen = place / NAMESPACE / "run1" / "index", [], None
        for number in range(1, 40):
            cache.store(number, answers(number))
            if index.exists() and index.stat().st_ino != seen:
                seen = index.stat().st_ino
                written.append(number)
        assert written == [8, 16, 32]

    def test_a_resumed_run_goes_on_counting(self, place, quiet):
        stored(place, "run1", [1], [2], close=False)
        stored(place, "run1", [3])
        stored(place, "run1", [4])
        assert files(place) == ["1", "2", "3", "4", "index"]
        assert opened(place, "run2").lookup(keys(1, 2, 3, 4)) == answers(1, 2, 3, 4)

    def test_a_huge_job_is_split(self, place, quiet, monkeypatch):
        monkeypatch.setattr(module, "OBJECT_BYTES", 10 * len(line(10)))
        stored(place, "run1", range(10, 55))
        assert files(place) == ["1", "2", "3", "4", "5", "index"]
        assert opened(place, "run2").lookup(keys(*range(10, 55))) == answers(*range(10, 55))

    def test_few_objects_are_kept_in_memory(self, place, quiet):
        stored(place, "run1", *([number, -number] for number in range(1, 30)))
        cache = opened(place, "run2")
        assert cache.lookup(keys(*range(1, 30))) == answers(*range(1, 30))
        assert len(cache._recent) == module.RECENT_OBJECTS

    def test_neighbours_come_from_one_read(self, place, quiet):
        stored(place, "run1", [1, 2])
        cache = opened(place, "run2")
        cache.lookup(keys(1))
        (place / NAMESPACE / "run1" / "1").unlink()
        assert cache.lookup(keys(2)) == answers(2)

    def test_nothing_to_store_leaves_nothing(self, place, quiet):
        stored(place, "run1", [])
        assert not place.exists()

    def test_a_new_namespace_is_read_without_prefect(self, place):
        code = """
import sys
from batchata.io.cache import ResultCache
cache = ResultCache(sys.argv[1], "abcd", run_id="run1")
assert cache.lookup(["00ff"]) == {}
cache.close()
assert "prefect" not in sys.modules
"""
        run_python(code, place)

    def test_prefect_can_read_it(self, place, quiet):
        from prefect.filesystems import LocalFileSystem
        from prefect.results import ResultStore

        stored(place, "run1", [1, 2])
        store = ResultStore(result_storage=LocalFileSystem(basepath=str(place)))
        assert store.exists(f"{NAMESPACE}/run1/1")
        found = store.read(f"{NAMESPACE}/run1/1").result
        assert found == {"job": 1, "lines": {one: text.decode() for one, text in answers(1, 2).items()}}
        assert store.read(f"{NAMESPACE}/runs").result == {"runs": ["run1"]}

    def test_threads(self, place, quiet):
        cache = opened(place)
        failures = []

        def work(job):
            try:
                numbers = range(job * 100, job * 100 + 20)
                cache.store(job, answers(*numbers))
                assert cache.lookup(keys(*numbers)) == answers(*numbers)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(job,)) for job in range(1, 13)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        cache.close()
        assert failures == []
        everything = [number for job in range(1, 13) for number in range(job * 100, job * 100 + 20)]
        assert opened(place, "run2").lookup(keys(*everything)) == answers(*everything)


PROCESS = """
import hashlib, logging, os, sys
from batchata.io.cache import ResultCache
logging.basicConfig(level="WARNING", format="warned: %(message)s", stream=sys.stdout)
folder, run, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
cache = ResultCache(folder, "0a1b2c3d", run_id=run)
print("ready", flush=True)
sys.stdin.readline()
for job in range(1, 11):
    number = first + job
    cache.store(job, {hashlib.sha256(str(number).encode()).hexdigest(): b"%d" % number})
if run == "killed":
    os._exit(9)
cache.close()
"""


def test_processes_at_once_lose_nothing_of_each_other(place, quiet):
    runs = ["run0", "run1", "run2", "killed"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(place), run, str(1000 * at)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for at, run in enumerate(runs)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    printed = [process.communicate(timeout=120)[0] for process in processes]
    assert printed == ["", "", "", ""]
    assert [process.returncode for process in processes] == [0, 0, 0, 9]
    numbers = [1000 * at + job for at in range(4) for job in range(1, 11)]
    found = opened(place, "later").lookup(keys(*numbers))
    assert found == {key(number): b"%d" % number for number in numbers}


class TestDamage:
    @pytest.mark.parametrize("content", [b"", b"{", b"null", b'{"result": "AAAA"}', b'{"result": 5}', b"\x80\x04."])
    def test_an_object_that_is_none_of_ours_is_a_warning_and_a_miss(self, place, warned, content):
        stored(place, "run1", [1], [2], [3])
        (place / NAMESPACE / "run1" / "2").write_bytes(content)
        assert opened(place, "run2").lookup(keys(1, 2, 3)) == answers(1, 3)
        assert len(warned()) == 1
        assert f"{NAMESPACE}/run1/2 was not written by batchata" in warned()[0]

    def test_a_torn_object_does_not_hide_those_after_it(self, place, warned):
        stored(place, "run1", [1], [2], [3], close=False)
        torn = place / NAMESPACE / "run1" / "2"
        torn.write_bytes(torn.read_bytes()[:50])
        assert opened(place, "run2").lookup(keys(1, 2, 3)) == answers(1, 3)
        assert len(warned()) == 1

    def test_a_torn_object_of_its_own_is_not_overwritten(self, place, warned):
        stored(place, "run1", [1], [2], close=False)
        torn = place / NAMESPACE / "run1" / "2"
        torn.write_bytes(b"torn")
        stored(place, "run1", [2])
        assert torn.read_bytes() == b"torn"
        assert opened(place, "run2").lookup(keys(1, 2)) == answers(1, 2)

    @pytest.mark.parametrize("name", ["run1/index", "runs"])
    def test_a_damaged_index_costs_a_warning(self, place, warned, name):
        stored(place, "run1", [1], [2])
        (place / NAMESPACE / name).write_bytes(b"\x00")
        assert opened(place, "run2").lookup(keys(1, 2)) == answers(1, 2)
        assert len(warned()) == 1

    def test_a_pickle_is_not_executed(self, place, tmp_path, warned):
        from prefect.filesystems import LocalFileSystem
        from prefect.results import ResultStore
        from prefect.serializers import PickleSerializer

        class Trap:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "sprung"),)

        store = ResultStore(result_storage=LocalFileSystem(basepath=str(place)), serializer=PickleSerializer())
        store.write(Trap(), key=f"{NAMESPACE}/run1/1")
        assert opened(place, "run2").lookup(keys(1)) == {}
        assert not (tmp_path / "sprung").exists()
        assert len(warned()) == 1

    def test_a_line_that_is_not_text_is_left_out(self, place, warned):
        cache = opened(place)
        cache.store(1, {key(1): b"\xff", key(2): line(2)})
        assert cache.lookup(keys(1, 2)) == answers(2)
        assert len(warned()) == 1

    def test_a_place_that_cannot_be_written_to_is_one_warning(self, tmp_path, warned):
        (tmp_path / "file").write_text("")
        cache = stored(tmp_path / "file" / "answers", "run1", [1], [2])
        assert cache.lookup(keys(1, 2)) == {}
        assert len(warned()) == 1
        assert "not stored for later runs" in warned()[0]

    def test_a_failed_write_is_made_good_by_the_next(self, place, warned):
        (place / NAMESPACE).mkdir(parents=True)
        (place / NAMESPACE / "run1").write_text("in the way")
        cache = stored(place, "run1", [1], close=False)
        (place / NAMESPACE / "run1").unlink()
        cache.store(2, answers(2))
        cache.close()
        assert opened(place, "run2").lookup(keys(1, 2)) == answers(2)
        assert len(warned()) == 1

    def test_an_object_that_vanished_is_a_miss(self, place, quiet):
        stored(place, "run1", [1], [2])
        (place / NAMESPACE / "run1" / "1").unlink()
        assert opened(place, "run2").lookup(keys(1, 2)) == answers(2)


class TestBlocks:
    def test_a_block_without_a_listing(self, memory, quiet):
        stored(memory, "run1", [1], [2], close=False)
        stored(memory, "run1", [3])
        stored(memory, "run2", *([number] for number in range(10, 30)))
        assert opened(memory, "run3").lookup(keys(1, 2, 3, 29, 10)) == answers(1, 2, 3, 29, 10)

    def test_an_overwritten_list_of_runs_is_mended_at_the_end(self, memory, quiet):
        first = stored(memory, "run1", [1], close=False)
        memory.filesystem.rm(f"/answers/{NAMESPACE}/runs")  # what another writer does that read it before run1 was in
        stored(memory, "run2", [2])
        assert opened(memory, "run3").lookup(keys(1, 2)) == answers(2)
        first.close()
        assert opened(memory, "run3").lookup(keys(1, 2)) == answers(1, 2)

    def test_a_local_block_is_its_folder(self, place, quiet):
        from prefect.filesystems import LocalFileSystem

        stored(LocalFileSystem(basepath=str(place)), "run1", [1])
        assert opened(place, "run2").lookup(keys(1)) == answers(1)

    def test_a_storage_that_cannot_be_read_is_not_written_to(self, bucket, warned):
        stored(bucket, "run1", [1], close=False)
        before = dict(bucket.kept)
        bucket.broken = {"read"}
        cache = stored(bucket, "run1", [2])
        assert cache.lookup(keys(1, 2)) == {}
        bucket.broken = set()
        assert bucket.kept == before
        assert all("AccessDenied" in message for message in warned())
        assert any("stored answers of run run1 cannot be read" in message for message in warned())

    def test_a_storage_that_cannot_be_written_to_is_one_warning(self, bucket, warned):
        bucket.broken = {"write"}
        cache = stored(bucket, "run1", [1], [2])
        assert cache.lookup(keys(1)) == {}
        assert [message for message in warned() if "not stored for later runs" in message] == warned()
        assert len(warned()) == 1

    def test_a_storage_that_fails_later_costs_only_the_answers(self, bucket, warned):
        stored(bucket, "run1", [1], [2])
        cache = opened(bucket, "run2")
        assert cache.lookup(keys(1)) == answers(1)
        bucket.broken = {"read", "write"}
        assert cache.lookup(keys(1, 2)) == answers(1)
        cache.store(1, answers(3))
        cache.close()
        assert len(warned()) == 3

    def test_saved_blocks_by_name(self, place, real_server):
        code = """
import os, sys
from prefect.filesystems import LocalFileSystem
from prefect.blocks.system import Secret
from batchata.errors import InputError
from batchata.io.cache import ResultCache

LocalFileSystem(basepath=sys.argv[1]).save("results")
Secret(value="x").save("results")
cache = ResultCache("local-file-system/results", "abcd", run_id="run1")
cache.store(1, {"00ff": b"{}"})
cache.close()
os.environ["PREFECT_DEFAULT_RESULT_STORAGE_BLOCK"] = "local-file-system/results"
assert ResultCache(True, "abcd", run_id="run2").lookup(["00ff"]) == {"00ff": b"{}"}
for name in "local-file-system/nothing", "no-such-type/x", "secret/results":
    try:
        ResultCache(name, "abcd", run_id="run1")
    except InputError as error:
        print(error)
"""
        server = {name: value for name, value in real_server.environment.items() if name.startswith("PREFECT_")}
        printed = run_python(code, place, **server)
        missing, unknown, unfit = [text for text in printed.splitlines() if "nothing was sent" in text]
        assert "'local-file-system/nothing', in which answers were to be stored, cannot be loaded" in missing
        assert "write './no-such-type/x'" in unknown
        assert "give `cache=True`, a folder" in unfit


class TestPlaces:
    def test_prefects_local_storage_by_default(self, tmp_path, monkeypatch, quiet):
        monkeypatch.delenv("PREFECT_HOME", raising=False)
        stored(BY_DEFAULT, "run1", [1])
        assert (tmp_path / "home/.prefect/storage/batchata" / NAMESPACE / "runs").exists()
        monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
        stored(BY_DEFAULT, "run1", [1])
        assert (tmp_path / "prefect/storage/batchata" / NAMESPACE / "runs").exists()
        monkeypatch.setenv("PREFECT_RESULTS_LOCAL_STORAGE_PATH", str(tmp_path / "results"))
        stored(BY_DEFAULT, "run1", [1])
        assert (tmp_path / "results/batchata" / NAMESPACE / "runs").exists()

    @pytest.mark.parametrize("name", ["./some/folder", "folder", "~/some/folder", "Some/Folder", "a/b/c"])
    def test_names_of_folders(self, name, quiet):
        stored(name, "run1", [1])
        assert (Path(name).expanduser() / NAMESPACE / "runs").exists()

    def test_a_folder_that_exists_is_no_block(self, tmp_path, quiet):
        (tmp_path / "some/folder").mkdir(parents=True)
        stored("some/folder", "run1", [1])
        assert (tmp_path / "some/folder" / NAMESPACE / "runs").exists()

    def test_the_folder_stays_when_the_program_moves(self, tmp_path, monkeypatch, quiet):
        cache = opened("answers")
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        cache.store(1, answers(1))
        assert (tmp_path / "answers" / NAMESPACE / "runs").exists()

    @pytest.mark.parametrize("place", [None, False, 5, object()])
    def test_what_is_no_place(self, place):
        with pytest.raises(InputError, match="answers cannot be stored in"):
            opened(place)

    @pytest.mark.parametrize("bad", ["", "xyz", "0", "FF", "00 ff"])
    def test_what_is_no_key(self, place, bad):
        with pytest.raises(InputError, match="hexadecimal"):
            opened(place).lookup([bad])
        with pytest.raises(InputError, match="hexadecimal"):
            opened(place).store(1, {bad: b"{}"})


class CodedError(Exception):
    """Shaped like Google's (`code`) and Azure's (`status_code`)."""

    def __init__(self, **codes):
        vars(self).update(codes)


@pytest.mark.parametrize(
    ("error", "absent"),
    [
        (FileNotFoundError(), True),
        (ValueError("Path /x does not exist."), True),
        (ClientError("NoSuchKey"), True),
        (ClientError("404"), True),
        (CodedError(code=404), True),
        (CodedError(status_code=404), True),
        (ClientError("AccessDenied"), False),
        (CodedError(code=503), False),
        (PermissionError(), False),
        (TimeoutError(), False),
        (UnicodeDecodeError("utf-8", b"", 0, 1, ""), False),
    ],
)
def test_absence_is_told_from_failure(error, absent):
    assert module._means_absent(error) is absent
