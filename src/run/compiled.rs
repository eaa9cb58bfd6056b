//! What a driver has compiled, as bytes that the next process gives back, so that it compiles nothing twice.
//!
//! The library reads and writes no file: the host keeps the bytes. A driver trusts them, so they are sealed: what was
//! damaged on its way, or comes of another adapter, driver or version of this crate, is not handed to it.

use super::open::AdapterSummary;
use super::{Device, Inner};

/// What sealed bytes begin with.
const MAGIC: &[u8; 8] = b"ridgecc1";

/// FNV-1a over the bytes (G. Fowler, L. Noll, K. Vo).
fn digest(parts: [&[u8]; 2]) -> u64 {
    let each = parts.into_iter().flatten();
    each.fold(0xCBF2_9CE4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3))
}

/// Whose bytes they are.
fn owner(summary: &AdapterSummary) -> String {
    let AdapterSummary { name, backend, driver, .. } = summary;
    format!("{name}\n{backend}\n{driver}\n{}", env!("CARGO_PKG_VERSION"))
}

fn seal(summary: &AdapterSummary, data: &[u8]) -> Vec<u8> {
    let hash = digest([owner(summary).as_bytes(), data]);
    [&MAGIC[..], &hash.to_le_bytes(), data].concat()
}

/// The driver's bytes; `None` if they are not whole or not its own.
fn open<'a>(summary: &AdapterSummary, sealed: &'a [u8]) -> Option<&'a [u8]> {
    let (magic, rest) = sealed.split_first_chunk::<8>()?;
    let (hash, data) = rest.split_first_chunk::<8>()?;
    (magic == MAGIC && digest([owner(summary).as_bytes(), data]) == u64::from_le_bytes(*hash)).then_some(data)
}

/// The cache of a device, where it has the feature and one is asked for; and what there is to say of the bytes given.
pub(super) fn cache(
    device: &wgpu::Device,
    summary: &AdapterSummary,
    asked: Option<&[u8]>,
) -> (Option<wgpu::PipelineCache>, Option<String>) {
    let Some(sealed) = asked.filter(|_| device.features().contains(wgpu::Features::PIPELINE_CACHE)) else {
        return (None, None);
    };
    let data = open(summary, sealed).filter(|data| !data.is_empty());
    let foreign = data.is_none() && !sealed.is_empty();
    let note = foreign.then(|| {
        "the compiled pipelines are damaged, or of another adapter, driver or version: they are not used".to_owned()
    });
    let scopes = super::fault::Scopes::push(device);
    let descriptor = wgpu::PipelineCacheDescriptor { label: Some("ridgepoint pipelines"), data, fallback: true };
    #[expect(unsafe_code, reason = "wgpu asks for a promise about the bytes")]
    // SAFETY: the seal shows that they are what `Device::compiled` of the same adapter, driver and version gave.
    let cache = unsafe { device.create_pipeline_cache(&descriptor) };
    match scopes.pop("pipeline cache", 0) {
        super::fault::Outcome::Failed(_) => (None, Some("the driver offers no pipeline cache".to_owned())),
        super::fault::Outcome::Fine | super::fault::Outcome::Unknown(_) => (Some(cache), note),
    }
}

impl Inner {
    fn compiled(&self) -> Option<Vec<u8>> {
        let data = self.cache.as_ref()?.get_data()?;
        Some(seal(&self.summary, &data))
    }
}

impl Device {
    /// What the driver has compiled so far, for [`Options::compiled`](super::Options::compiled) of a later process; `None` if
    /// that option was not given, or the adapter lacks the feature (`PIPELINE_CACHE`, which Vulkan offers).
    #[must_use]
    pub fn compiled(&self) -> Option<Vec<u8>> {
        self.inner.compiled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_were_touched_or_belong_to_another_adapter_are_refused() {
        let summary = |driver: &str| AdapterSummary {
            driver: driver.into(),
            ..AdapterSummary::new(
                &wgpu::AdapterInfo::new(wgpu::DeviceType::Cpu, wgpu::Backend::Vulkan),
                &wgpu::Limits::default(),
                wgpu::Features::empty(),
            )
        };
        let (own, other) = (summary("1.0"), summary("1.1"));
        let sealed = seal(&own, b"pipelines");
        assert_eq!(open(&own, &sealed), Some(&b"pipelines"[..]));
        assert_eq!(open(&other, &sealed), None);
        assert_eq!(open(&own, b""), None);
        for ix in 0..sealed.len() {
            let mut touched = sealed.clone();
            touched[ix] ^= 1;
            assert_eq!(open(&own, &touched), None, "byte {ix}");
            assert_eq!(open(&own, &sealed[..ix]), None, "{ix} bytes");
        }
    }
}
