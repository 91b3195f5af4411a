//! A growing run of bits.

use crate::lane::BitSlice;

/// Bits, least significant first; unused bits of the last byte are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    /// `len` bits that are set.
    pub(super) fn set(len: usize) -> Self {
        let mut bits = Self::default();
        (0..len).for_each(|_| bits.push(true));
        bits
    }

    /// The bits of `bytes`, of which there must be just enough, with nothing set beyond `len`.
    pub(super) fn from_bytes(bytes: &[u8], len: usize) -> Option<Self> {
        let spare = len % 8;
        let clean = spare == 0 || bytes.last().is_some_and(|last| last >> spare == 0);
        (bytes.len() == len.div_ceil(8) && clean).then(|| Self { bytes: bytes.to_vec(), len })
    }

    /// How many bits there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The bytes the bits are in.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bits, to read.
    pub(super) fn as_slice(&self) -> BitSlice<'_> {
        BitSlice::new(&self.bytes, 0)
    }

    /// Appends a bit.
    pub(super) fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(8) {
            self.bytes.push(0);
        }
        self.len += 1;
        self.write(self.len - 1, bit);
    }

    /// Puts a bit before the one at `position`.
    pub(super) fn insert(&mut self, position: usize, bit: bool) {
        self.push(false);
        // From the position on all bits move up by one; the highest of a byte becomes the lowest of the next.
        let first = position / 8;
        let below = (1 << (position % 8)) - 1;
        let byte = self.bytes[first];
        self.bytes[first] = byte & below | (byte & !below) << 1;
        let mut carried = byte >> 7;
        for byte in &mut self.bytes[first + 1..] {
            (*byte, carried) = (*byte << 1 | carried, *byte >> 7);
        }
        self.write(position, bit);
    }

    /// Takes off the bits from `position` on.
    pub(super) fn split_off(&mut self, position: usize) -> Self {
        let mut taken = Self::default();
        (position..self.len).for_each(|index| taken.push(self.as_slice().get(index)));
        let mut kept = Self::default();
        (0..position).for_each(|index| kept.push(self.as_slice().get(index)));
        *self = kept;
        taken
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    fn write(&mut self, index: usize, bit: bool) {
        let mask = 1 << (index % 8);
        if bit {
            self.bytes[index / 8] |= mask;
        } else {
            self.bytes[index / 8] &= !mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_do_what_a_vector_of_booleans_does() {
        let mut bits = Bits::default();
        let mut booleans = Vec::new();
        for i in 0..40_usize {
            let (position, bit) = (i * 7 % (i + 1), i % 3 == 0);
            bits.insert(position, bit);
            booleans.insert(position, bit);
        }
        let read = |bits: &Bits| (0..bits.len).map(|i| bits.as_slice().get(i)).collect::<Vec<_>>();
        assert_eq!(read(&bits), booleans);
        let tail = bits.split_off(11);
        assert_eq!(read(&tail), booleans.split_off(11));
        assert_eq!(read(&bits), booleans);
        assert_eq!(Bits::from_bytes(bits.as_bytes(), 11), Some(bits));
        assert_eq!(Bits::from_bytes(&[0b1000], 3), None);
    }
}
