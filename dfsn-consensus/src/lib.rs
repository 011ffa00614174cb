//! dfsn-consensus
