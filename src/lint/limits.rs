//! WebGPU's portable limits: what every browser grants without being asked.

use super::{Found, Rule, compute};
use naga::proc::Layouter;
use naga::valid::ModuleInfo;
use naga::{AddressSpace, Module, Span, TypeInner};

/// Limit, value, unit.
const INVOCATIONS: u32 = 256;
const SIZE: [u32; 3] = [256, 256, 64];
const WORKGROUP_BYTES: u32 = 16 << 10;
const UNIFORM_BYTES: u32 = 64 << 10;
const STORAGE_BYTES: u32 = 128 << 20;
const GROUPS: u32 = 4;
const BINDINGS: u32 = 1000;

/// The bindings of a kind that one entry point may use.
const PER_STAGE: [(Kind, usize); 4] =
    [(Kind::Storage, 8), (Kind::Uniform, 12), (Kind::StorageTexture, 4), (Kind::SampledTexture, 16)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Storage,
    Uniform,
    StorageTexture,
    SampledTexture,
    Other,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Storage => "storage buffers",
            Self::Uniform => "uniform buffers",
            Self::StorageTexture => "storage textures",
            Self::SampledTexture => "sampled textures",
            Self::Other => "others",
        }
    }

    fn of(module: &Module, variable: &naga::GlobalVariable) -> Self {
        match (variable.space, &module.types[variable.ty].inner) {
            (AddressSpace::Storage { .. }, _) => Self::Storage,
            (AddressSpace::Uniform, _) => Self::Uniform,
            (_, TypeInner::Image { class: naga::ImageClass::Storage { .. }, .. }) => Self::StorageTexture,
            (_, TypeInner::Image { .. }) => Self::SampledTexture,
            _ => Self::Other,
        }
    }
}

pub(super) fn check(module: &Module, info: &ModuleInfo, wgsl: &str, found: &mut Vec<Found>) {
    // sizes may depend on overrides: the defaults are looked at, where there are any
    let constants = naga::back::PipelineConstants::default();
    match naga::back::pipeline_constants::process_overrides(module, info, None, &constants) {
        Ok((module, info)) => resolved(&module, &info, wgsl, found),
        Err(_) => resolved(module, info, wgsl, found),
    }
}

fn resolved(module: &Module, info: &ModuleInfo, wgsl: &str, found: &mut Vec<Found>) {
    let mut layouter = Layouter::default();
    if layouter.update(module.to_ctx()).is_err() {
        return;
    }
    variables(module, &layouter, found);
    for (ix, entry) in compute(module) {
        let span = entry_span(wgsl, &entry.name);
        size(entry, span, found);
        let used = |handle: naga::Handle<naga::GlobalVariable>| !info.get_entry_point(ix)[handle].is_empty();
        let used: Vec<_> = module.global_variables.iter().filter(|&(handle, _)| used(handle)).map(|x| x.1).collect();
        let bytes: u32 = used
            .iter()
            .filter(|variable| variable.space == AddressSpace::WorkGroup)
            .map(|variable| layouter[variable.ty].size.next_multiple_of(16))
            .fold(0, u32::saturating_add);
        let name = &entry.name;
        if bytes > WORKGROUP_BYTES {
            let message = format!("`{name}` has {bytes} bytes of workgroup memory, {WORKGROUP_BYTES} are portable");
            found.push(Found::new(Rule::Limit, span, message, "use a smaller tile"));
        }
        for (kind, limit) in PER_STAGE {
            let n = used.iter().filter(|variable| Kind::of(module, variable) == kind).count();
            if n > limit {
                let message = format!("`{name}` binds {n} {}, {limit} are portable", kind.name());
                found.push(Found::new(Rule::Limit, span, message, "put several arrays into one buffer"));
            }
        }
    }
}

fn variables(module: &Module, layouter: &Layouter, found: &mut Vec<Found>) {
    for (handle, variable) in module.global_variables.iter() {
        let span = module.global_variables.get_span(handle);
        let name = variable.name.as_deref().unwrap_or("a variable");
        let mut over = |what: &str, value: u32, limit: u32, hint: &str| {
            if value > limit {
                let message = format!("`{name}` has {what} {value}, the portable limit is {limit}");
                found.push(Found::new(Rule::Limit, span, message, hint));
            }
        };
        if let Some(binding) = variable.binding {
            over("the bind group", binding.group, GROUPS - 1, "use fewer bind groups");
            over("the binding number", binding.binding, BINDINGS - 1, "number bindings from 0");
        }
        let bytes = layouter[variable.ty].size;
        match variable.space {
            AddressSpace::Uniform => over("a size in bytes of", bytes, UNIFORM_BYTES, "make it a storage buffer"),
            AddressSpace::Storage { .. } => over("a size in bytes of", bytes, STORAGE_BYTES, "split it"),
            _ => {}
        }
    }
}

fn size(entry: &naga::EntryPoint, span: Span, found: &mut Vec<Found>) {
    let (name, [x, y, z]) = (&entry.name, entry.workgroup_size);
    let invocations = u64::from(x) * u64::from(y) * u64::from(z);
    if invocations > u64::from(INVOCATIONS) {
        let message = format!("`{name}` has workgroups of {invocations} invocations, {INVOCATIONS} are portable");
        found.push(Found::new(Rule::Limit, span, message, "use smaller workgroups, or an override for the size"));
    }
    for ((axis, n), limit) in ["x", "y", "z"].iter().zip(entry.workgroup_size).zip(SIZE) {
        if n > limit {
            let message = format!("`{name}` has workgroups of {n} in {axis}, {limit} are portable");
            found.push(Found::new(Rule::Limit, span, message, "use another shape of the workgroup"));
        }
    }
}

/// Where an entry point is declared; naga does not keep it.
fn entry_span(wgsl: &str, name: &str) -> Span {
    let declares = |at: usize| {
        let rest = wgsl[at + "fn".len()..].trim_start();
        rest.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('('))
    };
    let at = wgsl.match_indices("fn").map(|(at, _)| at).find(|&at| declares(at));
    at.map_or(Span::UNDEFINED, |at| Span::new(at as u32, at as u32 + 2))
}
