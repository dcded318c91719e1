/** What runs and fine-tunes a model bundle, without Node: features, events, metrics, quantization, graph surgery. */
export * from './golden.ts';
export * from './learning/head.ts';
export * from './metrics.ts';
export * from './onnx/initializers.ts';
export * from './onnx/protobuf-reader.ts';
export * from './prototypes.ts';
export * from './quantize.ts';
export * from './runner.ts';
export * from './scoring.ts';
export * from './sensor/event-detector.ts';
export * from './sensor/sensor-stream.ts';
export * from './sensor/window-cutter.ts';
export * from './text/check-text.ts';
export * from './text/hash.ts';
export * from './text/text-features.ts';
