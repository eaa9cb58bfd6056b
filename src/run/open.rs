//! Finding an adapter, opening a device on it, and adopting a host's device.

use super::{Device, Inner};
use crate::error::{Error, Result};
use crate::kernel::Limits;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Which adapter to open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Adapter {
    /// The best: discrete before integrated and virtual adapters, then the embedded CPU device, then drivers that compute on
    /// the processor too.
    #[default]
    Auto,
    /// The best software adapter: the embedded CPU device, if it was built in.
    Software,
    /// The embedded CPU device, which needs no driver (feature `cpu`).
    Cpu,
    /// The best whose line, `NAME (BACKEND, KIND)`, contains the text; case does not matter.
    Named(String),
}

/// For what kind of executor kernels are written. The results agree; the speed does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kernels {
    /// For the kind of the adapter. The embedded CPU device gets those of graphics processors, but for rows.
    #[default]
    Auto,
    /// For processors: one thread does much, neighbours do not wait for each other.
    Processor,
    /// For graphics processors: workgroups share the work on a row or a tile. On a software adapter this is slow, and a way
    /// to check these kernels without the hardware.
    Graphics,
}

/// How to open or adopt a device.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which adapter.
    pub adapter: Adapter,
    /// Restrict the device to WebGPU's portable limits, so that what runs here runs in every browser; otherwise the
    /// adapter's own limits are used.
    pub portable_limits: bool,
    /// Bytes of free buffers that are kept for reuse.
    pub pool_bytes: u64,
    /// Usages that result buffers get beyond storage and copies, e.g. `VERTEX` for a host that draws them.
    pub usages: wgpu::BufferUsages,
    /// For what kind of executor kernels are written.
    pub kernels: Kernels,
    /// Has the driver keep what it compiles: bytes of [`Device::compiled`] of an earlier process, or none to begin with.
    /// `None`: nothing is kept. Bytes of another adapter, driver or version are not used; [`AdapterSummary::note`] then says
    /// so. Of an adopted device this needs the feature `PIPELINE_CACHE`.
    pub compiled: Option<Vec<u8>>,
    /// The choices between kernels, as tuning found them ([`Tuned`](super::Tuned)). `None`: what the crate brings along for
    /// adapters that were measured, or else what suits the kind of executor.
    pub tune: Option<crate::kernel::Tune>,
    /// Computes with numbers of 16 bits by the adapter's own arithmetic, and converts them by its own instructions: sums,
    /// differences and products of two [`DType::F16`](crate::DType::F16) values that are rounded to one again, and all loads and
    /// stores of them. Needs the feature `SHADER_F16`. Some adapters flush subnormals (below 6.1e-5) there, and round otherwise
    /// than to nearest; without it every number is what IEEE 754 says.
    pub half: bool,
    /// Features that the device gets where the adapter has them, for passes of the program's own; the engine needs none.
    pub features: wgpu::Features,
    /// How the embedded CPU device works, where it is the one that is opened.
    #[cfg(feature = "cpu")]
    pub cpu: crate::cpu::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            adapter: Adapter::Auto,
            portable_limits: false,
            pool_bytes: 1 << 30,
            usages: wgpu::BufferUsages::empty(),
            kernels: Kernels::Auto,
            compiled: None,
            tune: None,
            half: false,
            features: wgpu::Features::empty(),
            #[cfg(feature = "cpu")]
            cpu: crate::cpu::Options::default(),
        }
    }
}

/// An adapter as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterSummary {
    /// The marketing name.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, `gl`, `webgpu`, `cpu`.
    pub backend: String,
    /// Driver and version.
    pub driver: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    /// The limits kernels must respect.
    pub limits: Limits,
    /// Names of wgpu features.
    pub features: Vec<String>,
    /// What the user should be told once: that no GPU was found and what computes instead, or what was given and not used.
    pub note: Option<String>,
}

impl AdapterSummary {
    pub(super) fn new(info: &wgpu::AdapterInfo, limits: &wgpu::Limits, features: wgpu::Features) -> Self {
        let name = if info.name.is_empty() { "unnamed adapter".to_owned() } else { info.name.clone() };
        Self {
            name,
            backend: if is_embedded(info) { "cpu" } else { info.backend.to_str() }.to_owned(),
            driver: [info.driver.as_str(), info.driver_info.as_str()].join(" ").trim().to_owned(),
            kind: kind(info.device_type),
            limits: limits_of(limits, info, features),
            features: features.iter_names().map(|(name, _)| name.to_owned()).collect(),
            note: None,
        }
    }

    /// Adds to the note.
    pub(super) fn tell(&mut self, what: String) {
        self.note = Some(match self.note.take() {
            Some(note) => format!("{note}; {what}"),
            None => what,
        });
    }
}

impl fmt::Display for AdapterSummary {
    /// Name, backend and kind: what tells adapters apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.backend, self.kind)
    }
}

fn kind(kind: wgpu::DeviceType) -> &'static str {
    match kind {
        wgpu::DeviceType::DiscreteGpu => "discrete",
        wgpu::DeviceType::IntegratedGpu => "integrated",
        wgpu::DeviceType::VirtualGpu => "virtual",
        wgpu::DeviceType::Cpu => "software",
        wgpu::DeviceType::Other => "other",
    }
}

/// The limits kernels and plans look at. This is the one place where wgpu's limits become ours.
fn limits_of(limits: &wgpu::Limits, info: &wgpu::AdapterInfo, features: wgpu::Features) -> Limits {
    let subgroups = features.contains(wgpu::Features::SUBGROUP) && info.subgroup_min_size == info.subgroup_max_size;
    Limits {
        // group 0 holds them all; one binding each
        storage_buffers: limits.max_storage_buffers_per_shader_stage.min(limits.max_bindings_per_bind_group) as usize,
        binding_bytes: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
        buffer_bytes: limits.max_buffer_size,
        uniform_bytes: limits.max_uniform_buffer_binding_size,
        invocations: limits.max_compute_invocations_per_workgroup.min(limits.max_compute_workgroup_size_x),
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
        groups: limits.max_compute_workgroups_per_dimension,
        storage_alignment: u64::from(limits.min_storage_buffer_offset_alignment),
        uniform_alignment: u64::from(limits.min_uniform_buffer_offset_alignment),
        cpu: info.device_type == wgpu::DeviceType::Cpu && !is_embedded(info),
        lockstep: is_embedded(info),
        subgroup: if subgroups { info.subgroup_min_size } else { 0 },
        half: false,
        tuned: None,
    }
}

/// What the engine cannot do without: WebGPU's portable limits for compute, and nothing for what it does not use.
fn required() -> wgpu::Limits {
    let ours = Limits::default();
    wgpu::Limits {
        max_bind_groups: 2,
        max_dynamic_uniform_buffers_per_pipeline_layout: 1,
        max_uniform_buffers_per_shader_stage: 1,
        max_bindings_per_bind_group: ours.storage_buffers as u32,
        max_storage_buffers_per_shader_stage: ours.storage_buffers as u32,
        max_uniform_buffer_binding_size: 16 << 10,
        max_storage_buffer_binding_size: ours.binding_bytes,
        max_buffer_size: ours.buffer_bytes,
        max_compute_workgroup_storage_size: ours.workgroup_bytes,
        max_compute_invocations_per_workgroup: ours.invocations,
        max_compute_workgroup_size_x: ours.invocations,
        max_compute_workgroup_size_y: ours.invocations,
        max_compute_workgroup_size_z: 1,
        max_compute_workgroups_per_dimension: ours.groups,
        ..wgpu::Limits::downlevel_webgl2_defaults()
    }
}

/// The first limit that is below what the engine needs. Only what `required` sets is looked at.
fn shortfall(limits: &wgpu::Limits) -> Option<(&'static str, u64, u64)> {
    let need = required();
    let pairs = [
        ("max_bind_groups", u64::from(limits.max_bind_groups), u64::from(need.max_bind_groups)),
        (
            "max_storage_buffers_per_shader_stage",
            u64::from(limits.max_storage_buffers_per_shader_stage),
            u64::from(need.max_storage_buffers_per_shader_stage),
        ),
        (
            "max_uniform_buffer_binding_size",
            limits.max_uniform_buffer_binding_size,
            need.max_uniform_buffer_binding_size,
        ),
        (
            "max_compute_workgroup_storage_size",
            u64::from(limits.max_compute_workgroup_storage_size),
            u64::from(need.max_compute_workgroup_storage_size),
        ),
        (
            "max_compute_invocations_per_workgroup",
            u64::from(limits.max_compute_invocations_per_workgroup),
            u64::from(need.max_compute_invocations_per_workgroup),
        ),
        (
            "max_compute_workgroup_size_x",
            u64::from(limits.max_compute_workgroup_size_x),
            u64::from(need.max_compute_workgroup_size_x),
        ),
        (
            "max_compute_workgroup_size_y",
            u64::from(limits.max_compute_workgroup_size_y),
            u64::from(need.max_compute_workgroup_size_y),
        ),
        (
            "max_compute_workgroups_per_dimension",
            u64::from(limits.max_compute_workgroups_per_dimension),
            u64::from(need.max_compute_workgroups_per_dimension),
        ),
        (
            "max_storage_buffer_binding_size",
            limits.max_storage_buffer_binding_size,
            need.max_storage_buffer_binding_size,
        ),
        ("max_buffer_size", limits.max_buffer_size, need.max_buffer_size),
    ];
    pairs.into_iter().find(|&(_, have, need)| have < need)
}

/// Features used where they are offered.
const WANTED: wgpu::Features = wgpu::Features::TIMESTAMP_QUERY.union(wgpu::Features::SUBGROUP);

/// The features that options need.
fn native(options: &Options) -> wgpu::Features {
    if options.half { wgpu::Features::SHADER_F16 } else { wgpu::Features::empty() }
}

fn backend_rank(backend: wgpu::Backend) -> u32 {
    match backend {
        wgpu::Backend::Gl | wgpu::Backend::Noop => 1,
        _ => 0,
    }
}

fn device_rank(kind: wgpu::DeviceType) -> u32 {
    match kind {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

/// Whether it is the embedded CPU device: wgpu has no name of its own for such a backend, and no driver uses this one.
fn is_embedded(info: &wgpu::AdapterInfo) -> bool {
    info.backend == wgpu::Backend::Noop
}

/// The embedded CPU device, where it was built in.
#[cfg(all(feature = "cpu", not(target_arch = "wasm32")))]
async fn embedded(options: &Options) -> Option<wgpu::Adapter> {
    let instance = crate::cpu::instance(&options.cpu);
    instance.enumerate_adapters(wgpu::Backends::all()).await.into_iter().next()
}

/// Nothing: a browser has its own, or the feature is off.
#[cfg(not(all(feature = "cpu", not(target_arch = "wasm32"))))]
async fn embedded(_: &Options) -> Option<wgpu::Adapter> {
    None
}

/// Keeps a software driver loaded to the end of the process: one that is unloaded while its threads wind down can leave the
/// process with an exit handler that is gone (lavapipe of Mesa 22.3 ends about one process in a hundred with a fault).
/// One handle is given up for it, the first; drivers of hardware are left alone.
fn stay_loaded(adapter: &wgpu::Adapter) {
    static LOADED: OnceLock<wgpu::Adapter> = OnceLock::new();
    let info = adapter.get_info();
    if info.device_type == wgpu::DeviceType::Cpu && !is_embedded(&info) {
        let _first = LOADED.get_or_init(|| adapter.clone());
    }
}

/// All adapters of some of wgpu's own backends, the best first.
async fn enumerate(backends: wgpu::Backends) -> Vec<wgpu::Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        flags: wgpu::InstanceFlags::empty(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let mut adapters = instance.enumerate_adapters(backends).await;
    adapters.retain(|a| a.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS));
    adapters.sort_by_key(|a| {
        let info = a.get_info();
        (device_rank(info.device_type), backend_rank(info.backend))
    });
    adapters
}

/// Gives the embedded device its place among the others: behind all that is hardware, before the drivers that compute on the
/// processor as it does: it compiles nothing, so that fits, checks and tests are done sooner on it. Long work may still be
/// faster on such a driver (`assets/record`), which a caller then names.
fn insert(adapters: &mut Vec<wgpu::Adapter>, embedded: Option<wgpu::Adapter>) {
    let place = adapters.iter().position(|a| a.get_info().device_type == wgpu::DeviceType::Cpu);
    let place = place.unwrap_or(adapters.len());
    adapters.splice(place..place, embedded);
}

/// The error where no adapter is what was asked for.
fn none_fits(options: &Options, adapters: &[wgpu::Adapter]) -> Error {
    let requested = match &options.adapter {
        Adapter::Auto => "auto".to_owned(),
        Adapter::Software => "software".to_owned(),
        Adapter::Cpu => "cpu".to_owned(),
        Adapter::Named(name) => name.clone(),
    };
    let hint = if options.adapter == Adapter::Cpu {
        "build with the feature `cpu`, which is on by default; browsers have no such device"
    } else if adapters.is_empty() {
        "install a Vulkan, Metal or DirectX 12 driver, or build with the feature `cpu`"
    } else {
        "give a part of one of these names, or `auto`"
    };
    let found = adapters.iter().map(|a| summary(a).to_string()).collect();
    Error::NoAdapter { requested, found, hint: hint.into() }
}

fn summary(adapter: &wgpu::Adapter) -> AdapterSummary {
    AdapterSummary::new(&adapter.get_info(), &adapter.limits(), adapter.features())
}

async fn request(adapter: &wgpu::Adapter, options: &Options) -> Result<Device> {
    let refuse = |message: String, hint: &str| Error::NoDevice {
        adapter: summary(adapter).to_string(),
        message,
        hint: hint.to_owned(),
    };
    if let Some((limit, have, need)) = shortfall(&adapter.limits()) {
        return Err(refuse(format!("its {limit} is {have}, the engine needs {need}"), "choose another adapter"));
    }
    let native = native(options);
    if !adapter.features().contains(native) {
        let hint = "open it without `Options::half`, or choose another adapter";
        return Err(refuse("it does not compute with numbers of 16 bits (SHADER_F16)".into(), hint));
    }
    let limits = if options.portable_limits {
        required().or_better_values_from(&wgpu::Limits::default()).or_worse_values_from(&adapter.limits())
    } else {
        adapter.limits()
    };
    let keeping = match &options.compiled {
        Some(_) => wgpu::Features::PIPELINE_CACHE,
        None => wgpu::Features::empty(),
    };
    let descriptor = wgpu::DeviceDescriptor {
        label: Some("ridgepoint"),
        required_features: adapter.features() & (WANTED | options.features | keeping | native),
        required_limits: limits,
        ..Default::default()
    };
    let (device, queue) = adapter
        .request_device(&descriptor)
        .await
        .map_err(|e| refuse(e.to_string(), "update the driver, or choose another adapter"))?;
    let lost = Arc::new(OnceLock::new());
    let reason = lost.clone();
    #[expect(clippy::disallowed_methods, reason = "we opened this device; nobody else has a handler on it")]
    device.set_device_lost_callback(move |why, message| {
        // the first reason stays
        let _known = reason.set(if message.is_empty() { format!("{why:?}") } else { message });
    });
    let info = adapter.get_info();
    let mut inner = Inner::new(device, queue, &info, false, options, lost);
    if is_embedded(&info) && options.adapter == Adapter::Auto {
        inner.summary.tell("no GPU was found: the embedded CPU device computes".to_owned());
    }
    Ok(Device { inner: Arc::new(inner) })
}

impl Device {
    /// Opens the adapter that `options` ask for.
    ///
    /// Where there is no GPU, the embedded CPU device computes; [`AdapterSummary::note`] of [`Device::info`] then says so.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] lists what was found; [`Error::NoDevice`] says why the adapter gave no device.
    pub async fn open(options: Options) -> Result<Device> {
        let fits = |adapter: &&wgpu::Adapter| match &options.adapter {
            Adapter::Auto => true,
            Adapter::Software => adapter.get_info().device_type == wgpu::DeviceType::Cpu,
            Adapter::Cpu => is_embedded(&adapter.get_info()),
            Adapter::Named(name) => summary(adapter).to_string().to_lowercase().contains(&name.to_lowercase()),
        };
        let own = embedded(&options).await;
        let mut adapters = Vec::new();
        if options.adapter != Adapter::Cpu {
            adapters = enumerate(wgpu::Backends::PRIMARY).await;
            let named = options.adapter != Adapter::Auto && own.as_ref().is_some_and(|own| fits(&own));
            if !named && !adapters.iter().any(|a| fits(&a)) {
                // OpenGL is a last resort: asking for it loads window-system libraries
                adapters = enumerate(wgpu::Backends::all()).await;
            }
        }
        insert(&mut adapters, own);
        let mut first = None;
        for adapter in adapters.iter().filter(fits) {
            match request(adapter, &options).await {
                Ok(device) => {
                    stay_loaded(adapter);
                    return Ok(device);
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(|| none_fits(&options, &adapters)))
    }

    /// The embedded CPU device: it needs no driver, and computes the same on every machine.
    ///
    /// ```
    /// let device = ridgepoint::Device::cpu()?;
    /// assert_eq!(device.tensor(&[1.0f32, 2.0], [2]).sum_all().item_blocking::<f32>()?, 3.0);
    /// # Ok::<(), ridgepoint::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Device::open`]; none is expected.
    #[cfg(all(feature = "cpu", not(target_arch = "wasm32")))]
    pub fn cpu() -> Result<Device> {
        Self::open_blocking(Options { adapter: Adapter::Cpu, ..Options::default() })
    }

    /// [`Device::open`], blocking.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open_blocking(options: Options) -> Result<Device> {
        pollster::block_on(Self::open(options))
    }

    /// Every adapter that can compute, the best first; those of OpenGL only where there are no others.
    pub async fn adapters() -> Vec<AdapterSummary> {
        let mut adapters = enumerate(wgpu::Backends::PRIMARY).await;
        if adapters.is_empty() {
            adapters = enumerate(wgpu::Backends::all()).await;
        }
        insert(&mut adapters, embedded(&Options::default()).await);
        adapters.iter().map(summary).collect()
    }

    /// [`Device::adapters`], blocking.
    #[cfg(not(target_arch = "wasm32"))]
    #[must_use]
    pub fn adapters_blocking() -> Vec<AdapterSummary> {
        pollster::block_on(Self::adapters())
    }

    /// The features and limits a host must ask for when it requests the device that [`Device::adopt`] is to work on:
    ///
    /// ```no_run
    /// # fn host(own: wgpu::Limits) -> wgpu::DeviceDescriptor<'static> {
    /// # use ridgepoint::wgpu;
    /// let (features, limits) = ridgepoint::Device::requirements();
    /// wgpu::DeviceDescriptor {
    ///     required_features: features, // | the host's own
    ///     required_limits: own.or_better_values_from(&limits),
    ///     ..Default::default()
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn requirements() -> (wgpu::Features, wgpu::Limits) {
        (wgpu::Features::empty(), required())
    }

    /// Works as a guest on a host's device and queue.
    ///
    /// A guest never submits, polls or sets handlers on its own account: [`Device::encode`] only records into the caller's
    /// encoder and creates buffers. `read` and `eval` are explicit requests to run, so these do submit, and `read` polls.
    /// Error scopes are always balanced.
    ///
    /// # Errors
    /// [`Error::Limit`] if the device was made with less than [`Device::requirements`].
    pub fn adopt(adapter: &wgpu::Adapter, device: wgpu::Device, queue: wgpu::Queue) -> Result<Device> {
        Self::adopt_with(adapter, device, queue, &Options::default())
    }

    /// [`Device::adopt`] with a bound for the pool, extra buffer usages, choices of kernels and arithmetic; the options that say
    /// what to open do not matter.
    pub fn adopt_with(
        adapter: &wgpu::Adapter,
        device: wgpu::Device,
        queue: wgpu::Queue,
        options: &Options,
    ) -> Result<Device> {
        if let Some((limit, have, need)) = shortfall(&device.limits()) {
            return Err(Error::Limit {
                what: format!("what the engine needs of the device's {limit}"),
                value: need,
                limit: have,
                hint: "merge `Device::requirements()` into the limits given to `request_device`".into(),
            });
        }
        if !device.features().contains(native(options)) {
            return Err(Error::NoDevice {
                adapter: summary(adapter).to_string(),
                message: "the device has not the feature SHADER_F16, which `Options::half` needs".into(),
                hint: "request the device with it, or adopt it without `half`".into(),
            });
        }
        let inner = Inner::new(device, queue, &adapter.get_info(), true, options, Arc::default());
        Ok(Device { inner: Arc::new(inner) })
    }
}
