//! Work that ends when nobody waits for it any more.

use thalweg_backfill::Cancellation;

/// Tells the workers to stop when the call they work for is dropped, as it is when the client goes away.
pub(crate) struct CancelOnDrop(pub(crate) Cancellation);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
