//! Names, versions, requirements and archive readers of distribution packages
