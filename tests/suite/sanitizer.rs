//! The engine's own kernels under the sanitizer of the CPU device: it has nothing to say of them.

use ridgepoint::Device;
use ridgepoint::check::{Settings, run_blocking};
use ridgepoint::cpu::{self, Checks, Findings};
use ridgepoint::run::{Adapter, Kernels, Options};
use std::sync::Arc;

/// All checks but that for NaN, which tables with special values make on purpose.
fn watched(kernels: Kernels) -> (Device, Arc<Findings>) {
    let cpu = cpu::Options { checks: Checks { finite: false, ..Checks::all() }, ..cpu::Options::default() };
    let findings = cpu.findings.clone();
    let options = Options { adapter: Adapter::Cpu, cpu, kernels, ..Options::default() };
    (Device::open_blocking(options).expect("it needs no driver"), findings)
}

fn assert_clean(kernels: Kernels) {
    let (device, findings) = watched(kernels);
    let settings = Settings { random_graphs: 50, ..Settings::default() };
    let report = run_blocking(&device, &settings, &mut |_| {});
    assert!(report.passed(), "checks change no result");
    let found: Vec<String> = findings.take().iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{} findings\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_engines_kernels_for_processors_are_clean() {
    assert_clean(Kernels::Processor);
}

/// Those with barriers and shared memory.
#[test]
fn the_engines_kernels_for_graphics_processors_are_clean() {
    assert_clean(Kernels::Graphics);
}

/// Lines walked side by side, and vectors times matrices in stretches: more than the table's sizes.
#[test]
fn transposes_and_vectors_are_clean() {
    for kernels in [Kernels::Auto, Kernels::Processor] {
        let (device, findings) = watched(kernels);
        let numbers: Vec<f32> = (0..512 * 160).map(|i| (i % 97) as f32).collect();
        let (x, row) = (device.tensor(&numbers, [512, 160]), device.tensor(&numbers[..512], [1, 512]));
        let products = [&row.matmul(&x), &(x.t() * 2.0)];
        let report = device.verify_blocking(&products).expect("computes");
        assert!(report.passed(), "{report}");
        assert!(findings.take().is_empty(), "{kernels:?}");
    }
}

/// Rows in parts, which meet through atomics: more than the table's sizes.
#[test]
fn reductions_in_parts_are_clean() {
    for kernels in [Kernels::Auto, Kernels::Processor, Kernels::Graphics] {
        let (device, findings) = watched(kernels);
        let x = device.tensor(&crate::board::data(crate::board::N), [crate::board::N]);
        let results = crate::board::work(&x);
        device.eval(&results.iter().collect::<Vec<_>>()).expect("reduced");
        let found: Vec<String> = findings.take().iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{kernels:?}: {} findings\n{}", found.len(), found.join("\n"));
        for step in &device.plan(&crate::board::work(&x).iter().collect::<Vec<_>>()).expect("planned").steps {
            let found = ridgepoint::lint::source(&step.kernel.wgsl, &Default::default()).expect("valid");
            assert!(found.iter().all(|f| !f.rule.refuses()), "{found:?}\n{}", step.kernel.wgsl);
        }
    }
}

/// And the sanitizer was on: a kernel of the user that reads beyond its end is found.
#[test]
fn a_fault_in_a_users_pass_is_found() {
    use ridgepoint::wgpu;
    let (device, findings) = watched(Kernels::Auto);
    let (wgpu_device, queue) = (device.wgpu_device(), device.wgpu_queue());
    let wgsl = "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
                @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) { x[i] = x[i + 1u]; }";
    let module = wgpu_device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("shift"),
        source: wgpu::ShaderSource::Wgsl(wgsl.into()),
    });
    let pipeline = wgpu_device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: None,
        compilation_options: Default::default(),
        cache: None,
    });
    let buffer = wgpu_device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 16,
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: false,
    });
    let group = wgpu_device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }],
    });
    let mut encoder = wgpu_device.create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(1, 1, 1);
    }
    queue.submit([encoder.finish()]);
    device.wait_blocking().expect("the device works");
    let kinds: Vec<cpu::Kind> = findings.take().iter().map(|finding| finding.kind).collect();
    assert!(kinds.contains(&cpu::Kind::OutOfBounds) && kinds.contains(&cpu::Kind::Race), "{kinds:?}");
}
