"""Array operations on fundus images: intensity, canvas, field of view, scale, synthetic images."""
