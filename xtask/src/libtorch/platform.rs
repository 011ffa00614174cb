//! Which wheels hold libtorch on which platform, and what is taken from them.
//!
//! One interpreter tag (CPython 3.11) is asked for everywhere, whatever Python runs pip: the libraries in
//! the wheels do not depend on it, and one file has one checksum.

/// The libtorch release that the pinned `tch` and `torch-sys` are generated for.
pub(crate) const VERSION: &str = "2.11.0";

/// Folder and headers that a build needs on every platform.
pub(crate) const HEADER: &str = "include/torch/csrc/api/include/torch/torch.h";

/// A wheel as the package index serves it.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// What pip is asked for.
    pub(crate) requirement: &'static str,
    /// pip's platform tag.
    pub(crate) platform_tag: &'static str,
    /// The file's name.
    pub(crate) file: &'static str,
    /// The file's SHA-256, in lower-case hex.
    pub(crate) sha256: &'static str,
    /// The file's size in bytes.
    pub(crate) bytes: u64,
    /// Folder in the wheel that becomes `include/`, with its slash.
    pub(crate) headers: Option<&'static str>,
    /// Files in the wheel that go to `lib/` under their own names.
    pub(crate) libraries: &'static [&'static str],
}

/// Wheels and finishing touches of one platform.
#[derive(Debug)]
pub(crate) struct Platform {
    /// As in [`std::env::consts::OS`].
    pub(crate) os: &'static str,
    /// As in [`std::env::consts::ARCH`].
    pub(crate) arch: &'static str,
    /// Small wheels first, so that a wrong index or proxy shows before the long download.
    pub(crate) wheels: &'static [Wheel],
    /// Files written into `lib/`: name and text.
    pub(crate) scripts: &'static [(&'static str, &'static str)],
    /// Links made in `lib/`: name and target.
    pub(crate) links: &'static [(&'static str, &'static str)],
}

/// The wheels' own `libtorch.so` needs libtorch_cuda; this one joins what a CPU needs.
const LIBTORCH_SO: (&str, &str) = ("libtorch.so", "INPUT(-ltorch_cpu -lc10)\n");

/// torch-sys links `-lgomp`; the wheels carry only the run-time name.
const LIBGOMP_SO: (&str, &str) = ("libgomp.so", "libgomp.so.1");

/// Every platform that the project can set up by itself.
pub(crate) const PLATFORMS: &[Platform] = &[
    Platform {
        os: "linux",
        arch: "x86_64",
        wheels: &[
            Wheel {
                requirement: "nvidia-cuda-runtime==13.0.96",
                platform_tag: "manylinux2014_x86_64",
                file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
                sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
                bytes: 2_243_632,
                headers: None,
                libraries: &["nvidia/cu13/lib/libcudart.so.13"],
            },
            Wheel {
                requirement: "nvidia-cuda-cupti==13.0.85",
                platform_tag: "manylinux_2_25_x86_64",
                file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
                sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
                bytes: 10_715_597,
                headers: None,
                libraries: &["nvidia/cu13/lib/libcupti.so.13"],
            },
            Wheel {
                requirement: "torch==2.11.0",
                platform_tag: "manylinux_2_28_x86_64",
                file: "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
                sha256: "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
                bytes: 530_604_548,
                headers: Some("torch/include/"),
                libraries: &["torch/lib/libtorch_cpu.so", "torch/lib/libc10.so", "torch/lib/libgomp.so.1"],
            },
        ],
        scripts: &[LIBTORCH_SO],
        links: &[LIBGOMP_SO],
    },
    Platform {
        os: "linux",
        arch: "aarch64",
        wheels: &[
            Wheel {
                requirement: "nvidia-cuda-runtime==13.0.96",
                platform_tag: "manylinux2014_aarch64",
                file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
                sha256: "ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55",
                bytes: 2_261_060,
                headers: None,
                libraries: &["nvidia/cu13/lib/libcudart.so.13"],
            },
            Wheel {
                requirement: "nvidia-cuda-cupti==13.0.85",
                platform_tag: "manylinux_2_25_aarch64",
                file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_aarch64.whl",
                sha256: "796bd679890ee55fb14a94629b698b6db54bcfd833d391d5e94017dd9d7d3151",
                bytes: 10_310_827,
                headers: None,
                libraries: &["nvidia/cu13/lib/libcupti.so.13"],
            },
            Wheel {
                requirement: "torch==2.11.0",
                platform_tag: "manylinux_2_28_aarch64",
                file: "torch-2.11.0-cp311-cp311-manylinux_2_28_aarch64.whl",
                sha256: "d91aac77f24082809d2c5a93f52a5f085032740a1ebc9252a7b052ef5a4fddc6",
                bytes: 419_718_178,
                headers: Some("torch/include/"),
                libraries: &[
                    "torch/lib/libtorch_cpu.so",
                    "torch/lib/libc10.so",
                    "torch/lib/libgomp.so.1",
                    "torch/lib/libarm_compute.so",
                    "torch/lib/libarm_compute_graph.so",
                    "torch/lib/libnvpl_blas_core.so.0",
                    "torch/lib/libnvpl_blas_lp64_gomp.so.0",
                    "torch/lib/libnvpl_lapack_core.so.0",
                    "torch/lib/libnvpl_lapack_lp64_gomp.so.0",
                ],
            },
        ],
        scripts: &[LIBTORCH_SO],
        links: &[LIBGOMP_SO],
    },
    Platform {
        os: "macos",
        arch: "aarch64",
        wheels: &[Wheel {
            requirement: "torch==2.11.0",
            platform_tag: "macosx_11_0_arm64",
            file: "torch-2.11.0-cp311-cp311-macosx_11_0_arm64.whl",
            sha256: "7b6a60d48062809f58595509c524b88e6ddec3ebe25833d6462eeab81e5f2ce4",
            bytes: 80_529_712,
            headers: Some("torch/include/"),
            libraries: &[
                "torch/lib/libtorch.dylib",
                "torch/lib/libtorch_cpu.dylib",
                "torch/lib/libc10.dylib",
                "torch/lib/libomp.dylib",
            ],
        }],
        scripts: &[],
        links: &[],
    },
];

impl Platform {
    /// The row for an operating system and architecture, in the spelling of [`std::env::consts`].
    pub(crate) fn find(os: &str, arch: &str) -> Option<&'static Self> {
        PLATFORMS.iter().find(|platform| platform.os == os && platform.arch == arch)
    }

    /// Bytes to download.
    pub(crate) fn download_bytes(&self) -> u64 {
        self.wheels.iter().map(|wheel| wheel.bytes).sum()
    }

    /// Paths inside the finished folder without which no build can succeed.
    pub(crate) fn required_files(&self) -> Vec<String> {
        let mut files = vec!["build-version".to_owned(), HEADER.to_owned()];
        let taken = self.wheels.iter().flat_map(|wheel| wheel.libraries).map(|path| base_name(path));
        let made = self.scripts.iter().chain(self.links).map(|(name, _)| *name);
        files.extend(taken.chain(made).map(|name| format!("lib/{name}")));
        files
    }
}

/// The part of a wheel's path after the last slash.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn linux_layout_is_the_documented_one() {
        let files: BTreeSet<String> = Platform::find("linux", "x86_64")
            .expect("a row for Linux")
            .required_files()
            .into_iter()
            .collect();
        let expected = [
            "build-version",
            HEADER,
            "lib/libc10.so",
            "lib/libcudart.so.13",
            "lib/libcupti.so.13",
            "lib/libgomp.so",
            "lib/libgomp.so.1",
            "lib/libtorch.so",
            "lib/libtorch_cpu.so",
        ];
        assert_eq!(files, expected.into_iter().map(str::to_owned).collect());
    }

    #[test]
    fn every_row_is_complete() {
        for platform in PLATFORMS {
            let name = format!("{} {}", platform.os, platform.arch);
            let headers = platform.wheels.iter().filter(|wheel| wheel.headers.is_some()).count();
            assert_eq!(headers, 1, "{name}: one wheel holds the headers");
            let files = platform.required_files();
            let unique: BTreeSet<&String> = files.iter().collect();
            assert_eq!(unique.len(), files.len(), "{name}: two sources for one file");
            for wheel in platform.wheels {
                let hex = wheel.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                assert!(wheel.sha256.len() == 64 && hex, "{}: not a SHA-256", wheel.file);
                assert!(wheel.file.contains(wheel.platform_tag), "{}: another tag", wheel.file);
                let (_, version) = wheel.requirement.split_once("==").expect("an exact version");
                assert!(wheel.file.contains(&format!("-{version}-")), "{}: another version", wheel.file);
            }
            assert!(platform.wheels.iter().any(|wheel| wheel.requirement == format!("torch=={VERSION}")));
        }
    }

    #[test]
    fn no_checksum_stands_twice() {
        let all: Vec<&str> = PLATFORMS.iter().flat_map(|p| p.wheels).map(|wheel| wheel.sha256).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn unknown_platforms_have_no_row() {
        assert!(Platform::find("windows", "x86_64").is_none());
        assert!(Platform::find("macos", "x86_64").is_none());
    }
}
