//! Requirements in, an exact package set or an explanation out
