//! dfsn-compute
