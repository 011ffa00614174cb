//! The wire, as the build makes it of the `.proto` files.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::use_self,
    reason = "generated"
)]

pub mod vm {
    tonic::include_proto!("vm");
    pub mod runtime {
        tonic::include_proto!("vm.runtime");
    }
}
pub mod rpcdb {
    tonic::include_proto!("rpcdb");
}
pub mod appsender {
    tonic::include_proto!("appsender");
}
pub mod http {
    tonic::include_proto!("http");
}
pub mod io {
    pub mod prometheus {
        pub mod client {
            tonic::include_proto!("io.prometheus.client");
        }
    }
}
