//! The device: the only place, beside the embedded CPU device, that names wgpu.

/// A device to compute on; cheap to clone.
#[derive(Clone, Debug)]
pub struct Device {}

impl Device {
    /// The adapter's name.
    #[must_use]
    pub fn name(&self) -> &str {
        ""
    }
    /// Whether both are handles to one device.
    #[must_use]
    pub fn same(&self, _other: &Device) -> bool {
        true
    }
}
