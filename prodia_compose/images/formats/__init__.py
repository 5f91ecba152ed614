"""JPEG, PNG, WebP and what lies inside them, read as bytes and copied losslessly."""
