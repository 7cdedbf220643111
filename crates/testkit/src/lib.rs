//! Fixtures, fake services and the stack harness for tests
