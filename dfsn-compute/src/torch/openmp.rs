//! How libtorch's threads wait for each other.

/// Makes the threads of libtorch's CPU kernels sleep, not spin, while they wait for each other. Call it first
/// thing in `main` of a program that uses more than one thread.
///
/// The OpenMP library spins by default. That is a little faster on an idle machine, but where other programs
/// take some of the cores, each of the thousand waits of a UNet step can last as long as the scheduler lets the
/// others run; pictures then take ten times as long. OpenMP reads its settings before `main`, so on Unix this
/// starts the program anew in the same process with `OMP_WAIT_POLICY=passive`. If that or `GOMP_SPINCOUNT` is
/// set already, and on other systems, nothing happens.
pub fn wait_passively() {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;

        const POLICY: &str = "OMP_WAIT_POLICY";
        if std::env::var_os(POLICY).is_some() || std::env::var_os("GOMP_SPINCOUNT").is_some() {
            return;
        }
        let mut arguments = std::env::args_os();
        if let (Ok(program), Some(name)) = (std::env::current_exe(), arguments.next()) {
            // Returns only if the system refuses; the threads then spin.
            let _ =
                std::process::Command::new(program).arg0(name).args(arguments).env(POLICY, "passive").exec();
        }
    }
}
