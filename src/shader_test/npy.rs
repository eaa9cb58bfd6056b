//! NumPy's `.npy` files: numbers in little-endian order, the shape forgotten.

use super::spec::Number;
use half::f16;

/// The numbers in a file's bytes.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Number>, String> {
    let fault = "it is not a .npy file";
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or(fault)?;
    let (&[major, _minor], rest) = rest.split_first_chunk::<2>().ok_or(fault)?;
    let (length, rest) = if major == 1 {
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(fault)?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(fault)?;
        (u32::from_le_bytes(*length) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(length).ok_or(fault)?;
    let header = String::from_utf8_lossy(header);
    if header.contains("'fortran_order': True") && !header.contains(",)") {
        return Err("it is in Fortran order; save it with np.ascontiguousarray".into());
    }
    let kind = header.split_once("'descr': '").and_then(|(_, rest)| rest.split('\'').next()).ok_or(fault)?;
    numbers(kind, data)
        .ok_or_else(|| format!("its dtype {kind} is not supported: use f2, f4, f8, i1 to i8, u1 to u8 or b1"))
}

fn numbers(kind: &str, data: &[u8]) -> Option<Vec<Number>> {
    fn all<const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> Number) -> Vec<Number> {
        let (chunks, _rest) = data.as_chunks::<N>();
        chunks.iter().map(|&chunk| number(chunk)).collect()
    }
    let int = |n: i128| Number::Int(n);
    Some(match kind.trim_start_matches(['<', '|', '=']) {
        "f2" => all(data, |b| Number::Float(f64::from(f16::from_le_bytes(b)))),
        "f4" => all(data, |b| Number::Float(f64::from(f32::from_le_bytes(b)))),
        "f8" => all(data, |b| Number::Float(f64::from_le_bytes(b))),
        "i1" => all(data, |b| int(i8::from_le_bytes(b).into())),
        "i2" => all(data, |b| int(i16::from_le_bytes(b).into())),
        "i4" => all(data, |b| int(i32::from_le_bytes(b).into())),
        "i8" => all(data, |b| int(i64::from_le_bytes(b).into())),
        "b1" | "u1" => all(data, |b| int(u8::from_le_bytes(b).into())),
        "u2" => all(data, |b| int(u16::from_le_bytes(b).into())),
        "u4" => all(data, |b| int(u32::from_le_bytes(b).into())),
        "u8" => all(data, |b| int(u64::from_le_bytes(b).into())),
        _ => return None,
    })
}
