//! dfsn-types
