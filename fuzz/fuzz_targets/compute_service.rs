//! What a compute worker and its node read of each other: the header of a request, frames, and every JSON message.
#![no_main]

use dfsn_compute::service::Frame;
use dfsn_compute::service::auth::CallHeader;
use dfsn_compute::service::wire::{
    AuditCall, AuditReply, EventPage, JobKey, JobOffer, JobStatus, PossessionCall, RefusalBody, TraceLeaves,
    WorkerInfo,
};
use dfsn_fuzz::read_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(header) = std::str::from_utf8(data).ok().and_then(|text| text.parse::<CallHeader>().ok()) {
        assert_eq!(header.to_string().parse(), Ok(header), "a header that reads as another");
    }
    if let Ok(frame) = Frame::parse(&data.to_vec().into()) {
        assert_eq!(Frame::parse(&frame.to_bytes()), Ok(frame), "a frame that reads as another");
    }
    read_json::<JobOffer>(data);
    read_json::<AuditCall>(data);
    read_json::<JobKey>(data);
    read_json::<JobStatus>(data);
    read_json::<EventPage>(data);
    read_json::<TraceLeaves>(data);
    read_json::<AuditReply>(data);
    read_json::<WorkerInfo>(data);
    read_json::<PossessionCall>(data);
    read_json::<RefusalBody>(data);
});
