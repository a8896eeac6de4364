"""What replay proves, and that it does not prove what is not so."""
