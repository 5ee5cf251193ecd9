"""What the chip's DVPP does to images: JPEGD decodes, VPC crops, resizes and pastes."""
