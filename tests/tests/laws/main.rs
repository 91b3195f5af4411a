//! The laws, each tried on random cases: what is defined, what arrives and what is asked are all made up.
//!
//! A failure prints the case, cut down, and a seed. `THALWEG_SEED=… cargo test --test laws NAME` tries it
//! again; `THALWEG_CASES=100 cargo test --test laws` tries each law on a hundred times as many cases.

mod approximations;
mod asking;
mod audits;
mod commits;
mod kills;
mod reading_order;
mod semantics;
mod served;
mod ties;
mod truth;
