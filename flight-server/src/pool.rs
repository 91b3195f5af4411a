//! Where blocking and computing happens, away from the network's threads.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Error, Kind};

/// A bounded number of places for work that blocks a thread. Who finds no place waits for one.
pub struct Pool {
    name: &'static str,
    places: Arc<Semaphore>,
}

/// A place of a [`Pool`], taken for as long as this lives.
pub struct Place(#[expect(dead_code, reason = "held for what its end does")] OwnedSemaphorePermit);

impl Pool {
    /// A pool of `places`, at least one.
    pub fn new(name: &'static str, places: usize) -> Self {
        Self { name, places: Arc::new(Semaphore::new(places.max(1))) }
    }

    /// Runs `work` when there is a place and gives its result.
    ///
    /// # Errors
    /// What `work` says; INTERNAL where it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.places.clone().acquire_owned().await;
        let place = place.map_err(|_| Error::new(Kind::Unavailable, "the server is stopping"))?;
        let name = self.name;
        let done = tokio::task::spawn_blocking(move || {
            let _held_until_done = place;
            work()
        });
        done.await.unwrap_or_else(|cause| {
            Err(Error::internal(format!("work of pool `{name}` ended early: {cause}")))
        })
    }

    /// Waits for a place and gives it to the caller, a thread that may block, until the place is dropped: for work
    /// that goes on in stages, and should hold nobody up between them.
    ///
    /// # Errors
    /// UNAVAILABLE where the server is stopping.
    pub fn place(&self) -> Result<Place, Error> {
        let place = tokio::runtime::Handle::current().block_on(self.places.clone().acquire_owned());
        Ok(Place(place.map_err(|_| Error::new(Kind::Unavailable, "the server is stopping"))?))
    }

    /// Places that are free now.
    pub fn free(&self) -> usize {
        self.places.available_permits()
    }
}
