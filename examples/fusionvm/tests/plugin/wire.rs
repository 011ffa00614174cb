//! The node's ends of the wire, as the build makes them.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::use_self,
    reason = "generated"
)]

macro_rules! end {
    ($package:literal) => {
        include!(concat!(env!("OUT_DIR"), "/node/", $package, ".rs"));
    };
}

pub mod vm {
    end!("vm");
    pub mod runtime {
        end!("vm.runtime");
    }
}
pub mod rpcdb {
    end!("rpcdb");
}
pub mod appsender {
    end!("appsender");
}
pub mod http {
    end!("http");
}
