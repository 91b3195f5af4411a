//! Reading the primitives of Avro's binary encoding, every length checked.

/// What is wrong with a datum, and in which field. Boxed, as every value is returned beside one.
#[derive(Debug)]
pub(super) struct Fault(Box<Parts>);

#[derive(Debug)]
struct Parts {
    path: String,
    what: String,
}

impl Fault {
    /// The same inside of the field `name`.
    #[cold]
    pub(super) fn inside(mut self, name: &str) -> Self {
        let path = &mut self.0.path;
        *path = if path.is_empty() { name.to_owned() } else { format!("{name}.{path}") };
        self
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Parts { path, what } = &*self.0;
        if path.is_empty() { f.write_str(what) } else { write!(f, "field `{path}`: {what}") }
    }
}

/// A place in a payload.
#[derive(Debug)]
pub(super) struct Cursor<'v> {
    payload: &'v [u8],
    position: usize,
}

impl<'v> Cursor<'v> {
    /// The place after the first `position` bytes.
    pub(super) fn new(payload: &'v [u8], position: usize) -> Self {
        Self { payload, position }
    }

    /// Bytes before this place.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Bytes after this place.
    pub(super) fn left(&self) -> usize {
        self.payload.len() - self.position
    }

    /// A fault at this place.
    #[cold]
    pub(super) fn fault(&self, what: impl std::fmt::Display) -> Fault {
        let what = format!("{what}, at byte {} of {}", self.position, self.payload.len());
        Fault(Box::new(Parts { path: String::new(), what }))
    }

    /// The next `count` bytes.
    #[inline]
    pub(super) fn bytes(&mut self, count: usize, what: &str) -> Result<&'v [u8], Fault> {
        let Some(bytes) = self.payload[self.position..].get(..count) else {
            return Err(
                self.fault(format_args!("cut short: {what} of {count} bytes, but {} are left", self.left()))
            );
        };
        self.position += count;
        Ok(bytes)
    }

    /// The next `N` bytes.
    #[inline]
    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Fault> {
        let Some(bytes) = self.payload[self.position..].first_chunk::<N>() else {
            return Err(
                self.fault(format_args!("cut short: {what} of {N} bytes, but {} are left", self.left()))
            );
        };
        self.position += N;
        Ok(*bytes)
    }

    /// A boolean.
    #[inline]
    pub(super) fn boolean(&mut self) -> Result<bool, Fault> {
        match self.array("a boolean")? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(self.fault(format_args!("a boolean is 0 or 1, not {other}"))),
        }
    }

    /// A long: zigzag, seven bits a byte, the lowest first.
    #[inline]
    pub(super) fn long(&mut self) -> Result<i64, Fault> {
        if let Some(&byte) = self.payload.get(self.position)
            && byte < 0x80
        {
            self.position += 1;
            return Ok(i64::from(byte >> 1) ^ -i64::from(byte & 1));
        }
        self.long_of_many_bytes()
    }

    fn long_of_many_bytes(&mut self) -> Result<i64, Fault> {
        let mut bits = 0_u64;
        for (place, byte) in self.payload[self.position..].iter().enumerate() {
            if place == 9 && *byte > 1 {
                return Err(self.fault("an integer of more than 64 bits"));
            }
            bits |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                self.position += place + 1;
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
        }
        Err(self.fault("cut short: an integer that does not end"))
    }

    /// An int: a long that fits into 32 bits.
    #[inline]
    pub(super) fn int(&mut self) -> Result<i32, Fault> {
        let long = self.long()?;
        i32::try_from(long).map_err(|_| self.fault(format_args!("{long} is out of the range of int")))
    }

    /// Bytes after their length.
    #[inline]
    pub(super) fn sized(&mut self, what: &str) -> Result<&'v [u8], Fault> {
        let length = self.long()?;
        let length = usize::try_from(length)
            .map_err(|_| self.fault(format_args!("{what} cannot be {length} bytes long")))?;
        self.bytes(length, what)
    }

    /// Text.
    #[inline]
    pub(super) fn text(&mut self) -> Result<&'v str, Fault> {
        let bytes = self.sized("a string")?;
        std::str::from_utf8(bytes).map_err(|_| self.fault("a string that is not UTF-8"))
    }

    /// The number of one of `count` things.
    #[inline]
    pub(super) fn choice(&mut self, count: usize, what: &str) -> Result<usize, Fault> {
        let number = self.long()?;
        usize::try_from(number)
            .ok()
            .filter(|number| *number < count)
            .ok_or_else(|| self.fault(format_args!("{what} {number} of {count}")))
    }
}
