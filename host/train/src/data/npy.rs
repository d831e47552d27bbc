//! One array of NumPy's format (`.npy`, versions 1 to 3): <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use super::Numbers;

const MAGIC: &[u8] = b"\x93NUMPY";

/// An array in C order.
#[derive(Debug, PartialEq)]
pub(super) struct Array {
    pub(super) dims: Vec<usize>,
    /// Bytes stay bytes; every other number is a float.
    pub(super) numbers: Numbers,
}

/// Reads an array.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(file: &[u8]) -> Result<Array, String> {
    let rest = file.strip_prefix(MAGIC).ok_or("is not an array of NumPy")?;
    let (header, data) = split_header(rest).ok_or("ends within its header")?;
    let field = |name: &str| value_of(header, name).ok_or_else(|| format!("has no `{name}` in its header"));
    if field("fortran_order")?.starts_with("True") {
        return Err("is in Fortran order; save `numpy.ascontiguousarray(...)`".into());
    }
    let dims = dims_of(field("shape")?).ok_or("has a shape that cannot be read")?;
    let elements = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or("is too large")?;
    let kind = field("descr")?.trim_start_matches(['\'', '"']);
    let kind = kind.split(['\'', '"']).next().unwrap_or_default();
    let numbers = numbers_of(kind, data)?;
    if numbers.len() != elements {
        return Err(format!("holds {} numbers where its header says {dims:?}", numbers.len()));
    }
    Ok(Array { dims, numbers })
}

fn split_header(rest: &[u8]) -> Option<(&str, &[u8])> {
    let (start, len) = match *rest.first()? {
        1 => (4, usize::from(u16::from_le_bytes(rest.get(2..4)?.try_into().ok()?))),
        _ => (6, usize::try_from(u32::from_le_bytes(rest.get(2..6)?.try_into().ok()?)).ok()?),
    };
    let (header, data) = rest.get(start..)?.split_at_checked(len)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// What stands behind a key of the header's Python dictionary.
fn value_of<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{name}'"))?;
    Some(rest.trim_start_matches([':', ' ']))
}

/// `(3, 4, )` as numbers.
fn dims_of(tuple: &str) -> Option<Vec<usize>> {
    let inner = tuple.strip_prefix('(')?.split(')').next()?;
    inner.split(',').map(str::trim).filter(|d| !d.is_empty()).map(|d| d.parse().ok()).collect()
}

fn numbers_of(kind: &str, data: &[u8]) -> Result<Numbers, String> {
    macro_rules! floats {
        ($kind:ty, $from:ident) => {
            Numbers::Floats(
                data.chunks_exact(size_of::<$kind>())
                    .map(|b| <$kind>::$from(b.try_into().expect("a chunk has its size")) as f32)
                    .collect(),
            )
        };
    }
    Ok(match kind {
        "|u1" | "|b1" => Numbers::Bytes(data.to_vec()),
        "|i1" => Numbers::Floats(data.iter().map(|&b| f32::from(b.cast_signed())).collect()),
        "<i2" => floats!(i16, from_le_bytes),
        "<u2" => floats!(u16, from_le_bytes),
        "<i4" => floats!(i32, from_le_bytes),
        "<u4" => floats!(u32, from_le_bytes),
        "<i8" => floats!(i64, from_le_bytes),
        "<u8" => floats!(u64, from_le_bytes),
        "<f4" => floats!(f32, from_le_bytes),
        "<f8" => floats!(f64, from_le_bytes),
        other => return Err(format!("has the type `{other}`; save it as uint8, an integer or a float")),
    })
}
