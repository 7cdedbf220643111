//! File tree to OCI layers, config, manifest, index and archive, deterministically
