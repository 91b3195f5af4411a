//! The records within a batch.

use super::fault::BatchFault;
use super::header::{BatchHeader, TimestampType};
use super::varint::{take_i32, take_i64};
use crate::error::Error;

/// The least bytes of a record: length, attributes, two deltas, three lengths.
const LEAST_RECORD_BYTES: usize = 7;

/// One record; its bytes lie in the batch or in the buffer it was decompressed into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since the epoch, of the producer's clock or the broker's (see
    /// [`BatchHeader::timestamp_type`]); −1 is none.
    pub timestamp_ms: i64,
    /// The key, if it has one.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers.
    pub headers: Headers<'a>,
}

impl<'a> Record<'a> {
    /// A record of a value and nothing else, with the timestamp 0.
    pub const fn of_value(offset: i64, value: &'a [u8]) -> Self {
        Self { offset, timestamp_ms: 0, key: None, value: Some(value), headers: Headers::EMPTY }
    }
}

/// A record's headers in order: keys (bytes, which need not be UTF-8 and may repeat) and values.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a>(Form<'a>);

/// Headers as a batch has them, or taken apart already.
#[derive(Debug, Clone, Copy)]
enum Form<'a> {
    Encoded { count: usize, rest: &'a [u8] },
    Apart(&'a [(&'a [u8], Option<&'a [u8]>)]),
}

impl<'a> Headers<'a> {
    /// No headers.
    pub const EMPTY: Self = Self(Form::Apart(&[]));

    /// These headers.
    pub const fn of(headers: &'a [(&'a [u8], Option<&'a [u8]>)]) -> Self {
        Self(Form::Apart(headers))
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Form::Encoded { count, rest } => {
                *count = count.checked_sub(1)?;
                // All headers were walked when the record was read, so this ends early for none of them.
                take_header(rest)
            }
            Form::Apart(headers) => {
                let (first, rest) = headers.split_first()?;
                *headers = rest;
                Some(*first)
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = match self.0 {
            Form::Encoded { count, .. } => count,
            Form::Apart(headers) => headers.len(),
        };
        (count, Some(count))
    }
}

impl PartialEq for Headers<'_> {
    fn eq(&self, other: &Self) -> bool {
        Iterator::eq(*self, *other)
    }
}

impl Eq for Headers<'_> {}

impl ExactSizeIterator for Headers<'_> {}

fn take_header<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], Option<&'a [u8]>)> {
    let key = take_bytes(rest)??;
    Some((key, take_bytes(rest)?))
}

/// Takes a length and as many bytes: the outer `None` if that fails, the inner one for the length −1.
fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let length = take_i32(rest)?;
    if length == -1 {
        return Some(None);
    }
    let (bytes, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = behind;
    Some(Some(bytes))
}

/// The records of one batch, in order of offset.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    header: BatchHeader,
    /// Where the batch is in the bytes it was read from, for errors.
    position: usize,
    rest: &'a [u8],
    index: i32,
    count: i32,
    /// Offset delta of the record before.
    previous_delta: i32,
}

impl<'a> Records<'a> {
    /// The `header.count` records in `bytes`.
    pub(super) fn new(header: BatchHeader, position: usize, bytes: &'a [u8]) -> Result<Self, BatchFault> {
        let count = header.count;
        if usize::try_from(count).ok().is_none_or(|count| count > bytes.len() / LEAST_RECORD_BYTES) {
            return Err(BatchFault::Count { count, bytes: bytes.len() });
        }
        if count == 0 && !bytes.is_empty() {
            return Err(BatchFault::Trailing { bytes: bytes.len() });
        }
        Ok(Self { header, position, rest: bytes, index: 0, count, previous_delta: -1 })
    }

    /// No records, whatever the header says.
    pub(super) fn none(header: BatchHeader, position: usize) -> Self {
        Self { header, position, rest: &[], index: 0, count: 0, previous_delta: -1 }
    }

    fn take(&mut self) -> Result<Record<'a>, BatchFault> {
        let index = self.index;
        let damaged = |what| BatchFault::Record { index, what };
        let length = take_i32(&mut self.rest).ok_or(damaged("its length is no number"))?;
        let (mut body, behind) = usize::try_from(length)
            .ok()
            .and_then(|length| self.rest.split_at_checked(length))
            .ok_or(damaged("it claims more bytes than the batch has left"))?;
        self.rest = behind;

        // The attributes of a record mean nothing yet.
        body = body.get(1..).ok_or(damaged("it has no attributes"))?;
        let timestamp_delta = take_i64(&mut body).ok_or(damaged("its timestamp is no number"))?;
        let delta = take_i32(&mut body).ok_or(damaged("its offset is no number"))?;
        if delta <= self.previous_delta || delta > self.header.last_offset_delta {
            return Err(damaged("its offset is not between that of the record before and the batch's last"));
        }
        self.previous_delta = delta;
        let key = take_bytes(&mut body).ok_or(damaged("its key is longer than itself"))?;
        let value = take_bytes(&mut body).ok_or(damaged("its value is longer than itself"))?;
        let header_count = take_i32(&mut body).ok_or(damaged("its number of headers is no number"))?;
        let count =
            usize::try_from(header_count).map_err(|_| damaged("its number of headers is negative"))?;
        let headers = Headers(Form::Encoded { count, rest: body });
        for _ in 0..count {
            take_header(&mut body).ok_or(damaged("a header is longer than itself or has no key"))?;
        }
        if !body.is_empty() {
            return Err(damaged("it claims more bytes than its parts have"));
        }
        Ok(Record {
            offset: self.header.base_offset + i64::from(delta),
            timestamp_ms: match self.header.timestamp_type() {
                // Wraps as Java's addition does: any two timestamps have a difference then.
                TimestampType::CreateTime => self.header.base_timestamp_ms.wrapping_add(timestamp_delta),
                TimestampType::LogAppendTime => self.header.max_timestamp_ms,
            },
            key,
            value,
            headers,
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index >= self.count {
            return None;
        }
        let taken = self.take();
        self.index += 1;
        let fault = match taken {
            Ok(record) if self.index < self.count || self.rest.is_empty() => return Some(Ok(record)),
            Ok(_) => BatchFault::Trailing { bytes: self.rest.len() },
            Err(fault) => fault,
        };
        self.count = 0;
        Some(Err(Error::Batch { position: self.position, base_offset: Some(self.header.base_offset), fault }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.count.saturating_sub(self.index) as usize))
    }
}
