//! What was measured on: a number without it says nothing.

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The machine a run was made on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub memory_bytes: u64,
    pub system: String,
    /// The file system of the data, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_system: Option<String>,
    /// Whether memory is asked for in huge pages: a state of random reads misses the TLB without.
    pub huge_pages: bool,
    /// How many tasks wanted a core over the minute before the run.
    pub load_before: f64,
}

impl Machine {
    /// This one; `data` is where data are written.
    pub fn here(data: Option<&Path>) -> Machine {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpu =
            field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned());
        let memory = field(&read("/proc/meminfo"), "MemTotal")
            .as_deref()
            .and_then(kilobytes);
        let (kernel, load) = (read("/proc/sys/kernel/osrelease"), read("/proc/loadavg"));
        Machine {
            cpu,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory.unwrap_or(0),
            system: format!(
                "{} {} {}",
                std::env::consts::OS,
                kernel.trim(),
                std::env::consts::ARCH
            ),
            file_system: data.map(file_system),
            huge_pages: huge_pages(
                &read("/sys/kernel/mm/transparent_hugepage/enabled"),
                &std::env::var("GLIBC_TUNABLES").unwrap_or_default(),
            ),
            load_before: load
                .split(' ')
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or(0.0),
        }
    }
}

/// The system gives huge pages always, or where they are asked for, which glibc's allocator does when
/// it is told to.
fn huge_pages(system: &str, tunables: &str) -> bool {
    let asked = || {
        tunables
            .split(':')
            .any(|tunable| tunable == "glibc.malloc.hugetlb=1")
    };
    system.contains("[always]") || (system.contains("[madvise]") && asked())
}

/// What was run.
#[derive(Clone, Debug, Serialize)]
pub struct Versions {
    pub farthing: &'static str,
    pub sqlite: &'static str,
    pub row_format: u16,
    /// `release`, or `debug`, whose numbers mean nothing.
    pub profile: &'static str,
}

impl Versions {
    /// These.
    pub fn here() -> Versions {
        Versions {
            farthing: env!("CARGO_PKG_VERSION"),
            sqlite: rusqlite::version(),
            row_format: engine::codec::FORMAT,
            profile: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
        }
    }
}

/// The kind of file system a folder is on; `tmpfs` makes nothing durable.
pub fn file_system(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    kind_at(&mounts, &folder).unwrap_or("unknown").to_owned()
}

fn kind_at<'m>(mounts: &'m str, folder: &Path) -> Option<&'m str> {
    let mount = |line: &'m str| {
        let mut words = line.split(' ').skip(1);
        Some((Path::new(words.next()?), words.next()?))
    };
    let above = mounts
        .lines()
        .filter_map(mount)
        .filter(|(at, _)| folder.starts_with(at));
    // Of two at one place, the later hides the earlier.
    let (_, kind) = above.max_by_key(|(at, _)| at.components().count())?;
    Some(kind)
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn kilobytes(text: &str) -> Option<u64> {
    text.strip_suffix(" kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kb| kb * 1024)
}

/// The memory the system has given this process, where it says so.
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    kilobytes(&field(&status, "VmRSS:")?)
}

/// How long this thread has run on a core: what it would take on a machine with nothing else to do,
/// but for what others leave in the caches.
pub fn thread_cpu() -> Duration {
    since_start(ClockId::ThreadCPUTime)
}

/// How long all threads of this process have run on a core.
pub fn process_cpu() -> Duration {
    since_start(ClockId::ProcessCPUTime)
}

fn since_start(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_names_the_file_system() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /data xfs rw 0 0\n";
        for (folder, kind) in [("/tmp/a", "tmpfs"), ("/tmpx", "ext4"), ("/data", "xfs")] {
            assert_eq!(kind_at(mounts, Path::new(folder)), Some(kind), "{folder}");
        }
    }

    #[test]
    fn huge_pages_are_used_always_or_when_asked_for() {
        let asking = "glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1";
        for (system, tunables, expected) in [
            ("[always] madvise never", "", true),
            ("always [madvise] never", "", false),
            ("always [madvise] never", asking, true),
            ("always madvise [never]", asking, false),
            ("", asking, false),
        ] {
            assert_eq!(
                huge_pages(system, tunables),
                expected,
                "{system} {tunables}"
            );
        }
    }

    #[test]
    fn this_machine_has_cores_and_a_clock_for_each_thread() {
        let machine = Machine::here(Some(&std::env::temp_dir()));
        assert!(machine.cores > 0 && !machine.cpu.is_empty());
        let (before, mut sum) = (thread_cpu(), 0u64);
        while thread_cpu() == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(process_cpu() >= thread_cpu() - before);
    }
}
