// What the benchmark of training takes of forge: the pieces of training steps, as training itself puts them together.
export { correctedRate } from '../autodiff/optimizer.ts';
export { EncoderBatches, PLACES } from '../encoder/encoder-batches.ts';
export { ENCODER_INPUTS, encoderTrainingGraph } from '../encoder/encoder-graphs.ts';
export { freshParameters } from '../encoder/encoder-shape.ts';
export { type TableBatch, type TableLearner, tableStep } from '../encoder/table-step.ts';
export { WordTable } from '../encoder/word-table.ts';
export { grammarSentences } from '../grammar/grammar-corpus.ts';
export { featuresOf, readRecipe } from '../text/recipe.ts';
export type { TextSource } from '../text/text-sources.ts';
export { denseTensors, freshTower } from '../text/tower.ts';
export { TowerBatches } from '../text/tower-batches.ts';
export { SUMS_INPUT, towerSumsTrainingGraph } from '../text/tower-graphs.ts';
export { freshState, type ParameterTensor, TrainingSession } from '../train/training-session.ts';
export * from './foreign-models.ts';
