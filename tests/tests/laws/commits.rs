//! What is made again is the same (I4).

use rand::Rng;
use thalweg_tests::generator::check;
use thalweg_tests::harness::{Request, Workshop, stream_bytes};

/// I4: one commit, the same bytes, whatever has been appended since.
#[test]
fn a_commit_gives_the_same_bytes() {
    check("a_commit_gives_the_same_bytes", 100, |case, chance| {
        let workshop = Workshop::new(case)?;
        let (before, after) = case.arrivals.split_at(chance.random_range(0..=case.arrivals.len()));
        workshop.append(before, chance)?;
        let request = Request::random(chance);
        let first = workshop.training_set(&case.questions, &request)?;
        let pinned = Request { pin: Some(first.commit.manifest.pin.clone()), ..request.clone() };
        workshop.append(after, chance)?;
        let again = workshop.training_set(&case.questions, &pinned)?;
        if first.commit != again.commit {
            return Err(format!("the pin of {:?} gives {:?}", first.commit, again.commit));
        }
        if stream_bytes(&first)? != stream_bytes(&again)? {
            return Err(format!("commit {} gave other bytes the second time", first.commit.id));
        }
        let now = workshop.training_set(&case.questions, &request)?;
        let moved = now.commit.manifest.pin != first.commit.manifest.pin;
        if moved == (now.commit.id == first.commit.id) {
            return Err("the commit id does not go with the pin".to_owned());
        }
        Ok(())
    });
}
