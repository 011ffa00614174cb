//! What libtorch's libraries read from the environment before `main`.

/// Settings, each left alone where it is set already.
#[cfg(unix)]
const SETTINGS: [(&str, &str); 2] = [("OMP_WAIT_POLICY", "passive"), ("GLIBC_TUNABLES", TUNABLES)];
/// Huge pages, one heap for all threads, nothing below a gibibyte given back between two operations.
#[cfg(unix)]
const TUNABLES: &str = "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=1073741824:\
                        glibc.malloc.trim_threshold=1073741824";

/// Sets up this process for libtorch on the CPU. Call it first thing in `main`.
///
/// - Threads sleep, and do not spin, while they wait for each other. Spinning is a little faster on an idle machine, but
///   where other programs take some of the cores, each of the thousand waits of a UNet step can last as long as the
///   scheduler lets the others run; pictures then take ten times as long. Not touched where `GOMP_SPINCOUNT` is set.
/// - Memory of freed tensors is kept for the next ones. By default the C library gives each large block back to the system,
///   which then clears every page again: a fifth of a UNet step of Stable Diffusion 1.5.
///
/// Both are read before `main`, so on Unix this starts the program anew in the same process with `OMP_WAIT_POLICY` and
/// `GLIBC_TUNABLES`. What is set already stays, and on other systems nothing happens.
pub fn prepare_process() {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;

        let is_missing = |(name, _): &(&str, &str)| {
            std::env::var_os(name).is_none()
                && (*name != "OMP_WAIT_POLICY" || std::env::var_os("GOMP_SPINCOUNT").is_none())
        };
        let missing: Vec<(&str, &str)> = SETTINGS.into_iter().filter(is_missing).collect();
        let mut arguments = std::env::args_os();
        if let (false, Ok(program), Some(name)) =
            (missing.is_empty(), std::env::current_exe(), arguments.next())
        {
            // Returns only if the system refuses; the program then runs as it was started.
            let _ = std::process::Command::new(program).arg0(name).args(arguments).envs(missing).exec();
        }
    }
}
