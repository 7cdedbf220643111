//! Scenarios: a trace of events, each with the actions that answer it.
