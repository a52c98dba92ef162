// One element's step of Adam (AdamStep); 1 - beta is exact for beta >= 1/2.
struct AdamValues { float weight, m, v; };

AdamValues adam_step(AdamValues old, float gradient) {
  AdamValues next;
  next.m = beta1 * old.m + (1.0 - beta1) * gradient;
  next.v = beta2 * old.v + (1.0 - beta2) * gradient * gradient;
  const float direction = next.m * inverse_correction1 / (sqrt(next.v * inverse_correction2) + epsilon);
  next.weight = old.weight - rate * (direction + weight_decay * old.weight);
  return next;
}
