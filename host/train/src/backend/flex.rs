//! The operations on burn-flex's tensors: borrow the floats, call the kernel, wrap the result.

use std::mem::MaybeUninit;
use std::sync::Arc;

use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::{DType, Flex, TensorMetadata};
use burn::tensor::{Bytes, Shape};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty};

use super::{ChainCall, PoolCall, TrainingOps};
use crate::kernel::buffer::Buffer;
use crate::kernel::chain::Backward;
use crate::kernel::update::{self, AdamStep, SgdStep};
use crate::kernel::{gate, loss, pool};

/// Lets a reusable buffer be the memory of a tensor; it goes back when the tensor is dropped.
struct Pooled(Buffer);

impl AllocationController for Pooled {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(&mut self, _policy: AccessPolicy) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let floats = &mut self.0[..];
        // SAFETY: floats are initialized bytes, and the caller writes only initialized ones.
        Ok(unsafe { std::slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), size_of_val(floats)) })
    }

    fn memory(&self, _policy: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let floats = &self.0[..];
        // SAFETY: floats are initialized bytes.
        Ok(unsafe { std::slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats)) })
    }
}

fn tensor(buffer: Buffer, dims: impl Into<Vec<usize>>) -> FlexTensor {
    let bytes = size_of_val(&buffer[..]);
    // SAFETY: every float of the buffer is initialized.
    let bytes = unsafe { Bytes::from_controller(Box::new(Pooled(buffer)), bytes) };
    FlexTensor::new(bytes, Layout::contiguous(Shape::from(dims.into())), DType::F32)
}

fn vector(buffer: Buffer) -> FlexTensor {
    let len = buffer.len();
    tensor(buffer, [len])
}

/// The tensor with its elements in order, which most are already.
fn in_order(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

fn floats(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("the tensor was put in order and training is in 32-bit floats")
}

/// Batch, positions and channels of images.
fn extents(tensor: &FlexTensor) -> (usize, usize, usize) {
    let dims = tensor.shape().to_vec();
    let (batch, channels) = (dims[0], dims[dims.len() - 1]);
    (batch, dims[1..dims.len() - 1].iter().product(), channels)
}

fn with_batch(batch: usize, dims: &[usize]) -> Vec<usize> {
    std::iter::once(batch).chain(dims.iter().copied()).collect()
}

impl TrainingOps for Flex {
    fn chain_train(
        x: FlexTensor,
        parameters: FlexTensor,
        call: Arc<ChainCall>,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (x, parameters) = (in_order(x), in_order(parameters));
        let batch = extents(&x).0;
        let trained = call.chain.train(floats(&x), floats(&parameters), batch);
        let y = tensor(trained.y, with_batch(batch, &call.out_dims));
        (y, vector(trained.saved), vector(trained.statistics))
    }

    fn chain_backward(
        x: FlexTensor,
        parameters: FlexTensor,
        saved: FlexTensor,
        statistics: FlexTensor,
        dy: FlexTensor,
        call: Arc<ChainCall>,
        wants_x: bool,
    ) -> (FlexTensor, FlexTensor) {
        let [x, parameters, dy] = [x, parameters, dy].map(in_order);
        let gradients = call.chain.backward(&Backward {
            x: floats(&x),
            parameters: floats(&parameters),
            saved: floats(&saved),
            statistics: floats(&statistics),
            dy: floats(&dy),
            batch: extents(&x).0,
            wants_x,
        });
        let dx = gradients.x.map_or_else(|| vector(Buffer::zeros(1)), |dx| tensor(dx, x.shape().to_vec()));
        (dx, vector(gradients.parameters))
    }

    fn chain_infer(x: FlexTensor, parameters: FlexTensor, statistics: FlexTensor, call: Arc<ChainCall>) -> FlexTensor {
        let [x, parameters, statistics] = [x, parameters, statistics].map(in_order);
        let batch = extents(&x).0;
        let y = call.chain.infer(floats(&x), floats(&parameters), floats(&statistics), batch);
        tensor(y, with_batch(batch, &call.out_dims))
    }

    fn pool(x: FlexTensor, call: Arc<PoolCall>) -> FlexTensor {
        let x = in_order(x);
        let batch = extents(&x).0;
        let mut y = Buffer::new(batch * call.pool.out_floats());
        call.pool.forward(floats(&x), &mut y);
        tensor(y, with_batch(batch, &call.out_dims))
    }

    fn pool_backward(x: FlexTensor, dy: FlexTensor, call: Arc<PoolCall>) -> FlexTensor {
        let (x, dy) = (in_order(x), in_order(dy));
        let mut dx = Buffer::zeros(floats(&x).len());
        call.pool.backward(floats(&x), floats(&dy), &mut dx);
        tensor(dx, x.shape().to_vec())
    }

    fn global_mean(x: FlexTensor) -> FlexTensor {
        let x = in_order(x);
        let (batch, positions, channels) = extents(&x);
        let mut y = Buffer::new(batch * channels);
        pool::global_mean(floats(&x), positions, channels, &mut y);
        let mut dims = vec![1; x.shape().num_dims()];
        (dims[0], dims[x.shape().num_dims() - 1]) = (batch, channels);
        tensor(y, dims)
    }

    fn global_mean_backward(x: FlexTensor, dy: FlexTensor) -> FlexTensor {
        let dy = in_order(dy);
        let (batch, positions, channels) = extents(&x);
        let mut dx = Buffer::new(batch * positions * channels);
        pool::global_mean_backward(floats(&dy), positions, channels, &mut dx);
        tensor(dx, x.shape().to_vec())
    }

    fn gate(x: FlexTensor, factors: FlexTensor) -> FlexTensor {
        let (x, factors) = (in_order(x), in_order(factors));
        let (_, positions, channels) = extents(&x);
        let mut y = Buffer::new(floats(&x).len());
        gate::multiply(floats(&x), floats(&factors), positions, channels, &mut y);
        tensor(y, x.shape().to_vec())
    }

    fn gate_backward(x: FlexTensor, factors: FlexTensor, dy: FlexTensor) -> (FlexTensor, FlexTensor) {
        let [x, factors, dy] = [x, factors, dy].map(in_order);
        let (_, positions, channels) = extents(&x);
        let mut dx = Buffer::new(floats(&x).len());
        gate::multiply(floats(&dy), floats(&factors), positions, channels, &mut dx);
        let mut gradient = Buffer::new(floats(&factors).len());
        gate::factor_gradient(floats(&x), floats(&dy), positions, channels, &mut gradient);
        (tensor(dx, x.shape().to_vec()), tensor(gradient, factors.shape().to_vec()))
    }

    fn cross_entropy(scores: FlexTensor, labels: Arc<[u32]>, smoothing: f32) -> (FlexTensor, FlexTensor) {
        let scores = in_order(scores);
        let mut gradient = Buffer::new(floats(&scores).len());
        let loss = loss::cross_entropy(floats(&scores), &labels, smoothing, &mut gradient);
        (vector(Buffer::copy_of(&[loss])), tensor(gradient, scores.shape().to_vec()))
    }

    fn sgd_step(
        mut parameters: FlexTensor,
        gradient: FlexTensor,
        mut velocity: FlexTensor,
        step: SgdStep,
        decayed: usize,
    ) -> (FlexTensor, FlexTensor) {
        let (wd, wf) = parameters.storage_mut::<f32>().split_at_mut(decayed);
        let (vd, vf) = velocity.storage_mut::<f32>().split_at_mut(decayed);
        let (gd, gf) = floats(&gradient).split_at(decayed);
        update::sgd(step, wd, gd, vd);
        update::sgd(SgdStep { decay: 0.0, ..step }, wf, gf, vf);
        (parameters, velocity)
    }

    fn adam_step(
        mut parameters: FlexTensor,
        gradient: FlexTensor,
        mut first: FlexTensor,
        mut second: FlexTensor,
        step: AdamStep,
        decayed: usize,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (wd, wf) = parameters.storage_mut::<f32>().split_at_mut(decayed);
        let (md, mf) = first.storage_mut::<f32>().split_at_mut(decayed);
        let (vd, vf) = second.storage_mut::<f32>().split_at_mut(decayed);
        let (gd, gf) = floats(&gradient).split_at(decayed);
        update::adam(step, wd, gd, md, vd);
        update::adam(AdamStep { decay: 0.0, ..step }, wf, gf, mf, vf);
        (parameters, first, second)
    }

    fn blend(mut average: FlexTensor, value: FlexTensor, share: f32) -> FlexTensor {
        update::blend(average.storage_mut(), floats(&value), share);
        average
    }
}
