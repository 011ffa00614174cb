//! dfsn-client
