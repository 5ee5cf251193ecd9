"""What the chip's DVPP does to pictures: JPEGD decodes, VPC crops, resizes and pastes."""
